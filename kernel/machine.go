package kernel

import (
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// machineRoot is where policy sees machines that come for tasks: /machine/m2. Nothing
// stands there.
const machineRoot = rmg.Path("/machine")

// MayLend judges by the policy of the moment whether a task of a process may be done
// on a machine. Its labels are what it says of itself; its token is not. NotFound:
// no such process. Denied: the rule is named.
func (k *Kernel) MayLend(process, worker string, m work.Machine) error {
	p, err := k.Process(process)
	if err != nil {
		return err
	}
	s := newSubject(Caller{Name: p.ID, Kind: KindProcess}, p.facts(worker))
	s.machine = factsOf(m)
	return k.judgement(s).may(VerbDispatch, machineRoot.Child(m.Name), "")
}

func factsOf(m work.Machine) machineFacts {
	return machineFacts{Name: m.Name, Token: m.Caller, Labels: m.Labels}
}

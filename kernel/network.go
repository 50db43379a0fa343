package kernel

import (
	"strings"

	"jitos.dev/rmg"
	"jitos.dev/work"
)

// netRoot is where policy sees hosts: /net/api.example.com/443. Nothing stands there.
const netRoot = rmg.Path("/net")

// The kinds of network that a process may have.
const (
	networkNone  = "none"
	networkHosts = "hosts"
)

func networkOf(hosts []string) string {
	if len(hosts) == 0 {
		return networkNone
	}
	return networkHosts
}

// mayConnect reads hosts, and judges whether the caller may let commands reach each
// of them: by default a person.
func (k *Kernel) mayConnect(c Caller, list []string, facts processFacts) ([]string, error) {
	hosts, err := work.ParseHosts(list)
	if err != nil || len(hosts) == 0 {
		return nil, err
	}
	j := k.judgement(newSubject(c, facts))
	for _, h := range hosts {
		name, port, _ := strings.Cut(h, ":")
		if err := j.may(VerbNetwork, netRoot.Join(name, port), ""); err != nil {
			return nil, err
		}
	}
	return hosts, nil
}

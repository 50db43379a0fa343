package kernel

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// queryOf reads a success criterion of type query: a selector of which the branch's
// graph has a match, or, after "!", has none.
func queryOf(text string) (sel rmg.Selector, none bool, err error) {
	text, none = strings.CutPrefix(strings.TrimSpace(text), "!")
	sel, err = rmg.ParseSelector(strings.TrimSpace(text))
	return sel, none, err
}

// queryEvidence judges a query on the branch as it is after the collapse. Nothing is
// run: the graph decides.
func queryEvidence(p proof, g work.Gate) work.Evidence {
	next := p.next.Digest()
	sum := sha256.Sum256([]byte("jitos query 1\x00" + next.String() + g.Pattern))
	e := work.Evidence{
		Gate: g.Name, Kind: work.GateQuery, Input: next, Key: hex.EncodeToString(sum[:]), Exit: 1,
		Sandbox: work.Sandbox{Tier: "none", Network: "none"}, Tools: "kernel",
	}
	sel, none, err := queryOf(g.Pattern)
	if err != nil {
		e.Reason = err.Error()
		return e
	}
	var found rmg.Path
	for m, err := range p.next.Find(sel, rmg.FindOptions{}) {
		if err != nil {
			e.Reason = err.Error()
			return e
		}
		found = m.Path
		break
	}
	if found == "" {
		e.Green, e.Reason = none, fmt.Sprintf("nothing matches %s", sel)
	} else {
		e.Green, e.Reason = !none, fmt.Sprintf("%s matches %s", found, sel)
	}
	if e.Green {
		e.Exit = 0
	}
	return e
}

// wordsOf lists the success criteria that a person has to judge.
func wordsOf(list []tasks.Criterion) []string {
	var out []string
	for _, c := range list {
		if c.Type == "human" {
			out = append(out, c.Value)
		}
	}
	return out
}

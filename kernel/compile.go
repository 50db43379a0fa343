package kernel

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"jitos.dev/rmg"
)

// CompilePolicy compiles a document over the default policy. Invalid: the error
// names each rule that does not compile and where in its condition.
func CompilePolicy(d PolicyDocument) (*Policy, error) {
	base, err := ParsePolicyDocument([]byte(defaultPolicy))
	if err != nil {
		return nil, fmt.Errorf("the default policy: %w", err)
	}
	cel, err := newConditions()
	if err != nil {
		return nil, fmt.Errorf("the conditions' language: %w", err)
	}
	p := &Policy{Protected: base.Protected, Settings: rmg.PropsOf(d.settings)}
	var faults []string
	if d.Protected != nil {
		p.Protected = d.Protected
	}
	if len(p.Protected) > 10*maxRuleList {
		faults = append(faults, fmt.Sprintf("%d protected globs; the limit is %d", len(p.Protected), 10*maxRuleList))
		p.Protected = nil
	}
	for _, text := range p.Protected {
		g, why := parseGlob(text)
		if why != "" {
			faults = append(faults, fmt.Sprintf("protected %q: %s", text, why))
		}
		p.protected = append(p.protected, g)
	}
	if len(d.Rules) > maxRules {
		return nil, policyFaults([]string{fmt.Sprintf("%d rules; the limit is %d", len(d.Rules), maxRules)})
	}
	own := map[string]bool{}
	for _, r := range d.Rules {
		c, why := compileRule(cel, r)
		if own[r.Name] {
			why = append(why, fmt.Sprintf("rule %q stands twice", r.Name))
		}
		own[r.Name] = true
		c.layers = 1
		p.rules = append(p.rules, c)
		faults = append(faults, why...)
	}
	for _, r := range base.Rules {
		if own[r.Name] {
			continue
		}
		c, why := compileRule(cel, r)
		c.Default = true
		p.rules = append(p.rules, c)
		faults = append(faults, why...)
	}
	if len(faults) > 0 {
		return nil, policyFaults(faults)
	}
	slices.SortFunc(p.rules, func(a, b *policyRule) int { return strings.Compare(a.Name, b.Name) })
	for _, r := range p.rules {
		p.Rules = append(p.Rules, r.PolicyRule)
		p.kinds = p.kinds || len(r.Kinds) > 0 || r.when != nil && r.when.local
	}
	return p, nil
}

// shownFaults is how many faults of a policy an error names.
const shownFaults = 20

func policyFaults(list []string) error {
	if len(list) > shownFaults {
		list = append(list[:shownFaults:shownFaults], fmt.Sprintf("and %d more", len(list)-shownFaults))
	}
	return &rmg.Error{Op: "policy", Path: policyRoot, Code: rmg.Invalid, Msg: strings.Join(list, "; "), Hint: "jitos policy check FILE checks one without changing anything"}
}

// compileRule compiles one rule and says everything that is wrong with it.
func compileRule(cel *conditions, r PolicyRule) (*policyRule, []string) {
	c := &policyRule{PolicyRule: r, verbs: map[Verb]bool{}}
	var faults []string
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Sprintf("rule %q: ", r.Name)+fmt.Sprintf(format, args...))
	}
	if r.Name == "" || len(r.Name) > maxRuleName || !utf8.ValidString(r.Name) || strings.ContainsAny(r.Name, "/ \t\n\"") {
		fault("a name is 1 to %d bytes without spaces, slashes and quotes", maxRuleName)
	}
	switch r.Effect {
	case Allow, Deny, Ask:
	default:
		fault("effect %q is none of allow, deny and ask", r.Effect)
	}
	if n := max(len(r.Verbs), len(r.Paths), len(r.Kinds)); n > maxRuleList {
		fault("a list of %d; the limit is %d", n, maxRuleList)
		return c, faults
	}
	faults = append(faults, c.readVerbs()...)
	for _, text := range r.Paths {
		g, why := parseGlob(text)
		if why != "" {
			fault("path %q: %s", text, why)
		}
		c.globs = append(c.globs, g)
	}
	for _, k := range r.Kinds {
		if k == "" {
			fault("an empty kind")
		}
	}
	if strings.TrimSpace(r.When) == "" {
		if r.When != "" {
			fault("when: it is empty")
		}
		return c, faults
	}
	when, why := cel.compile(r.When)
	for _, w := range why {
		fault("when: %s", w)
	}
	c.when = when
	return c, faults
}

// readVerbs reads the verbs' names.
func (r *policyRule) readVerbs() []string {
	var faults []string
	if len(r.Verbs) == 0 {
		faults = append(faults, fmt.Sprintf("rule %q: it names no verb; \"*\" stands for the everyday ones", r.Name))
	}
	everyday, named := Verbs()
	for _, text := range r.Verbs {
		v := Verb(text)
		switch {
		case text == "*":
			r.all = true
		case slices.Contains(everyday, v) || slices.Contains(named, v):
			r.verbs[v] = true
		default:
			faults = append(faults, fmt.Sprintf("rule %q: there is no verb %q; there are %v and, by name only, %v", r.Name, text, everyday, named))
			continue
		}
		if r.Effect == Ask && !v.asks() {
			faults = append(faults, fmt.Sprintf("rule %q: %q cannot wait for an answer; ask is for collapse, protected, forgery and conflict", r.Name, text))
		}
	}
	return faults
}

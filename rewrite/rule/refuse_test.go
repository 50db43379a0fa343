package rule_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"jitos.dev/rewrite/rule"
	"jitos.dev/rmg"
)

const someKinds = "kinds:\n  A: {props: {n: int, s: string}}\n  B: {is: [A]}\n  e: {}\n"

// TestBadRulesAreRefused: each class of fault, with its place.
func TestBadRulesAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ doc, want string }{
		"no YAML":                        {"rules: [", "1:8"},
		"nothing":                        {"# nothing", "1:1: there is nothing in it"},
		"no rules":                       {"rules: []", "1:1: there are no rules"},
		"two documents":                  {"rule: a\n---\nrule: b", "2:1: a file holds one document"},
		"alias":                          {"rule: &x a\ndoc: *x", "1:7: anchor is not allowed here"},
		"field":                          {"rule: a\nmatched: []", `2:1: a rule has no field "matched"`},
		"key twice":                      {"rule: a\nrule: b", "2:1"},
		"no name":                        {"rules:\n  - match: [a]", "2:5: the rule has no name"},
		"rule twice":                     {"rules:\n  - rule: a\n  - rule: a", "3:11: rule a stands twice"},
		"list as text":                   {"rule: [a]", "1:7: rule is a list, not text"},
		"unknown kind of a node":         {someKinds + "rules:\n  - rule: a\n    match: [\"x:A -[e]-> y:C\"]", "7:27: kind C is not known"},
		"unknown kind of an edge":        {someKinds + "rules:\n  - rule: a\n    match: [\"x:A -[f]-> y:A\"]", "7:20: kind f is not known"},
		"unknown kind made":              {someKinds + "rules:\n  - rule: a\n    create: [\"y:C\"]", "7:17: kind C is not known"},
		"unknown kind retyped":           {someKinds + "rules:\n  - rule: a\n    match: [\"x:A\"]\n    retype: {x: C}", "8:17: kind C is not known"},
		"kind that is itself":            {"kinds: {A: {is: [B]}, B: {is: [A]}}\nrules: [{rule: a}]", "1:9: kind A is itself"},
		"kind of nothing":                {"kinds: {A: {is: [B]}}\nrules: [{rule: a}]", "1:9: kind A is B, which is not known"},
		"unbound in a guard":             {someKinds + "rules:\n  - rule: a\n    match: [\"x:A\"]\n    where: \"y.n > 1\"", "8:14: undeclared reference to 'y.n'"},
		"unbound in delete":              {"rule: a\nmatch: [\"x:A\"]\ndelete: [y]", `3:10: there is no variable "y" on the left`},
		"unbound in set":                 {"rule: a\nmatch: [\"x:A\"]\nset: {y.n: 1}", `3:7: there is no variable "y"`},
		"unbound of a condition":         {"rule: a\nmatch: [\"x:A\"]\nunless: [\"x -[e]-> y\"]\ndelete: [y]", `4:10: there is no variable "y" on the left`},
		"unbound in create":              {"rule: a\nmatch: [\"x:A\"]\ncreate: [\"x -[e]-> y\"]", "3:20: there is no y on the left"},
		"type error in a guard":          {someKinds + "rules:\n  - rule: a\n    match: [\"x:A\"]\n    where: \"x.n == x.s\"", "8:17: found no matching overload for '_==_'"},
		"type error by what a kind is":   {someKinds + "rules:\n  - rule: a\n    match: [\"x:B\"]\n    where: [\"x.n < 1\", \"x.s > 1\"]", "8:29: found no matching overload"},
		"guard that is no condition":     {someKinds + "rules:\n  - rule: a\n    match: [\"x:A\"]\n    where: \"x.n + 1\"", "8:13: it is int, not bool"},
		"no CEL":                         {"rule: a\nmatch: [\"x:A\"]\nwhere: \"x.n >\"", "3:14: Syntax error"},
		"a pattern without a node":       {"rule: a\nmatch: []", "2:8: the pattern has no node"},
		"a condition without a node":     {"rule: a\nmatch: [x]\nunless: [{where: 'x.n > 1'}]", "3:11: the pattern of unless has no node or edge of its own"},
		"cartesian product":              {"rule: a\nmatch: [\"a\", \"b\", \"c\", \"d\"]", "2:8: the pattern falls into 4 parts that nothing joins"},
		"cartesian product, condition":   {"rule: a\nmatch: [\"x\"]\nunless: [[\"a\", \"b\", \"c\", \"d\"]]", "3:10: the pattern falls into 4 parts"},
		"edge in the place of a node":    {"rule: a\nmatch: [\"x -[k:e]-> y\", \"k -[e]-> x\"]", "2:26: k is an edge"},
		"name twice":                     {"rule: a\nmatch: [\"x -[k:e]-> y\", \"x -[k:e]-> y\"]", "2:30: k stands for something else already"},
		"two kinds":                      {"rule: a\nmatch: [\"x:A -[e]-> y\", \"x:B -[e]-> y\"]", "2:28: x is of kind A already"},
		"two graphs":                     {"rule: a\nmatch: [\"x\", \"x / y\", \"x -[e]-> y\"]", "2:28: its ends stand in different graphs"},
		"no such holder":                 {"rule: a\nmatch: [\"z / y\"]", "2:10: there is no variable z"},
		"open chain":                     {"rule: a\nmatch: [\"x -[e]->\"]", "2:18: a node is missing here"},
		"open bracket":                   {"rule: a\nmatch: [\"x -[e-> y\"]", "2:15: ]-> is missing here"},
		"way without end":                {"rule: a\nmatch: [\"x -[e*]-> y\"]", "2:16: how many edges is missing here"},
		"way too long":                   {"rule: a\nmatch: [\"x -[e*1..99]-> y\"]", "2:16: a way has 1 to 16 edges"},
		"way backward":                   {"rule: a\nmatch: [\"x -[e*3..2]-> y\"]", "2:16: 3..2"},
		"way with a name":                {"rule: a\nmatch: [\"x -[w:e*1..2]-> y\"]", "2:14: a way of several edges has no name"},
		"way made":                       {"rule: a\nmatch: [\"x:A\"]\ncreate: [\"x -[e*2]-> x\"]", "3:15: a way of several edges cannot be made"},
		"deleted twice":                  {"rule: a\nmatch: [\"x:A\"]\ndelete: [x, x]", "3:13: x is deleted twice"},
		"deleted and set":                {"rule: a\nmatch: [\"x:A\"]\ndelete: [x]\nset: {x.n: 1}", "4:7: x is deleted"},
		"made at what is deleted":        {"rule: a\nmatch: [\"x:A\"]\ndelete: [x]\ncreate: [\"x -[e]-> y:A\"]", "4:15: x is deleted, and nothing can be made at it"},
		"nothing made":                   {"rule: a\nmatch: [\"x:A\"]\ncreate: [\"x\"]", "3:11: nothing is made here"},
		"an edge of no kind made":        {"rule: a\nmatch: [\"x:A\"]\ncreate: [\"x --> x\"]", "3:13: an edge that is made needs a kind"},
		"id of what is there":            {"rule: a\nmatch: [\"x:A\"]\nid: {x: '\"y\"'}", "3:6: x is not made by this rule"},
		"program of nothing":             {"rules: [{rule: a}]\nrun: a; b", "2:9: there is no rule b"},
		"program that is open":           {"rules: [{rule: a}]\nrun: (a; a", "2:11: ) is missing"},
		"program of no number":           {"rules: [{rule: a}]\nrun: a*", "2:8: how many times is missing"},
		"too deep":                       {"rules: " + strings.Repeat("[", 200), "1:108: nested deeper than"},
		"a prop of no name":              {"rule: a\nmatch: [\"x:A\"]\nset: {x: 1}", `3:7: "x" is no prop of a variable`},
		"a type that there is not":       {"kinds: {A: {props: {n: number}}}\nrules: [{rule: a}]", `1:24: there is no type "number"`},
		"JSON: unknown field with place": {"{\"rule\": \"a\",\n \"match\": [\"x:A -[e]-> \"]}", "2:24: a node is missing here"},

		// Where a text is not written as it reads, the place is the document's.
		"guard in a block":               {"rule: a\nmatch: [x]\nwhere:\n  - |\n    true &&\n      y.n > 1\n", "6:7: undeclared reference to 'y'"},
		"guard that begins a block":      {"rule: a\nmatch: [x]\nwhere: | # why\n  y.n > 1\n", "4:3: undeclared reference to 'y'"},
		"guard in a folded block":        {"rule: a\nmatch: [x]\nwhere: >-\n  true\n  && y.n > 1\n", "5:6: undeclared reference to 'y'"},
		"guard over two lines, quoted":   {"rule: a\nmatch: [x]\nwhere: \"x.n == 1 &&\n  y.n > 2\"", "4:3: undeclared reference to 'y'"},
		"guard over two lines, plain":    {"rule: a\nmatch: [x]\nwhere: x.n == 1\n  && y.n > 2", "4:6: undeclared reference to 'y'"},
		"guard behind escapes":           {"rule: a\nmatch: [x]\nwhere: \"'\\u0041\\x41' == x.s && y.n\"", "3:32: undeclared reference to 'y'"},
		"guard behind a doubled quote":   {"rule: a\nmatch: [x]\nwhere: '''a''==y.n'", "3:16: undeclared reference to 'y'"},
		"pattern in a block":             {"rule: a\nmatch: |\n  x:A\n    -[e]->\n", "4:11: a node is missing here"},
		"kind in a block":                {someKinds + "rules:\n  - rule: a\n    match: |\n\n      x:A\n      -[e]-> y:C\n", "10:16: kind C is not known"},
		"columns are characters":         {"rule: a\nmatch: ['x:Aé -[e]->']", "2:21: a node is missing here"},
		"program in a block":             {"rules: [{rule: a}]\nrun: |\n  a;\n  b\n", "4:3: there is no rule b"},
		"a second text on the same line": {"rule: a\nmatch: [\"\\u0078\", \"\\u0079 -[e]->\"]", "2:33: a node is missing here"},
	} {
		_, err := rule.Load("bad.yaml", []byte(c.doc), nil)
		var e *rmg.Error
		var faults rule.Faults
		if !errors.As(err, &e) || e.Code != rmg.Invalid || !errors.As(err, &faults) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.HasPrefix(faults.Error(), "bad.yaml:"+c.want) {
			t.Errorf("%s: %v; want %s", name, faults, c.want)
		}
	}
}

// TestSchemasAreKinds: what the graph declares is known, with its types.
func TestSchemasAreKinds(t *testing.T) {
	g := graphOf(t, func(o *rmg.Overlay) error {
		return errors.Join(
			o.AddNode("/kind", "Folder", rmg.Props{}), o.AddNode("/kind/A", "Kind", rmg.Props{}),
			o.AddNode("/kind/A/n", "Prop", rmg.PropsOf(map[string]rmg.Value{"type": rmg.String("int")})),
		)
	})
	if _, err := rule.Load("r", []byte("rule: a\nmatch: [\"x:A\"]\nwhere: x.n > 1"), g.Schemas()); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"rule: a\nmatch: [\"x:B\"]", "rule: a\nmatch: [\"x:A\"]\nwhere: x.n > '1'"} {
		if _, err := rule.Load("r", []byte(bad), g.Schemas()); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestFuelEndsWhatDoesNot: rules that do not terminate end with an error that
// says which they are.
func TestFuelEndsWhatDoesNot(t *testing.T) {
	for name, doc := range map[string]string{
		"an empty left side":      "rules: [{rule: a, create: [\"x:A\"]}]\nrun: a!",
		"its own output":          "rules: [{rule: a, match: [\"x:A\"], create: [\"y:A\"]}]\nrun: a!",
		"back and forth":          "rules: [{rule: a, match: [\"x:A\"], retype: {x: B}}, {rule: b, match: [\"x:B\"], retype: {x: A}}]\nrun: (a | b)!",
		"what changes nothing":    "rules: [{rule: a, match: [\"x:A\"]}]\nrun: a!",
		"a sequence of the sort":  "rules: [{rule: a, match: [\"x:A\"], retype: {x: B}}, {rule: b, match: [\"x:B\"], retype: {x: A}}]\nrun: (a; b)!",
		"a choice within a times": "rules: [{rule: a, match: [\"x:A\"]}]\nrun: (a?)*1000",
	} {
		g := graphOf(t, func(o *rmg.Overlay) error { return o.AddNode("/a", "A", rmg.Props{}) })
		m := imageOf(t, g)
		r := runOf(t, m, load(t, doc), rule.RunOptions{Fuel: 100})
		_, err := r.Program("")
		var e *rmg.Error
		if !errors.As(err, &e) || e.Code != rmg.Limit || !strings.Contains(e.Msg, "after 100 rewrites") || m.Rewrites() != 100 {
			t.Errorf("%s: %v after %d", name, err, m.Rewrites())
		}
	}
}

// TestWorkIsLimited: a search that looks at too much ends with an error.
func TestWorkIsLimited(t *testing.T) {
	g := graphOf(t, func(o *rmg.Overlay) error {
		var err error
		for i := range 100 {
			err = errors.Join(err, o.AddNode(rmg.Root.Child(fmt.Sprint(i)), "A", rmg.Props{}))
		}
		return err
	})
	r := runOf(t, imageOf(t, g), load(t, "rule: a\nmatch: [\"x:A\", \"y:A\", \"z:A\"]\nwhere: x.n + y.n + z.n > 0"), rule.RunOptions{Work: 1000})
	_, err := r.Once("a")
	var e *rmg.Error
	if !errors.As(err, &e) || e.Code != rmg.Limit {
		t.Errorf("%v", err)
	}
}

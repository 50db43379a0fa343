package rmg_test

import (
	"errors"
	"testing"

	"jitos.dev/rmg"
)

// town is a graph that satisfies a schema of every sort.
func town(t testing.TB) rmg.Graph {
	return written(
		t, rmg.Graph{},
		addNode("/kind", "Folder", nil),
		addNode("/kind/Service", "Kind", vals{"of": rmg.String("node"), "inner": kinds("Endpoint", "calls")}),
		addNode("/kind/Service/lang", "Prop", vals{"type": rmg.String("string"), "required": rmg.Bool(true), "merge": rmg.String("conflict")}),
		addNode("/kind/Service/port", "Prop", vals{"type": rmg.String("int"), "default": rmg.Int(80), "index": rmg.Bool(true)}),
		addNode("/kind/Service/tags", "Prop", vals{"required": rmg.Bool(true), "default": kinds("new")}),
		addNode("/kind/Service/note", "Prop", vals{"doc": rmg.String("for people")}),
		set("/kind/Service", vals{"closed": rmg.Bool(true)}),
		addNode("/kind/Endpoint", "Kind", vals{"leaf": rmg.Bool(true)}),
		addNode("/kind/Endpoint/body", "Prop", vals{"type": rmg.String("blob"), "merge": rmg.String("text"), "index": rmg.Bool(true)}),
		addNode("/kind/calls", "Kind", vals{"from": kinds("Service", "Job"), "to": kinds("Service")}),
		addNode("/kind/calls/times", "Prop", vals{"type": rmg.String("int"), "default": rmg.Int(1)}),
		addNode("/kind/owned_by", "Kind", vals{"multiplicity": rmg.String("one_out"), "inner": kinds("Paper")}),
		addNode("/kind/leads", "Kind", vals{"multiplicity": rmg.String("one_in")}),
		addNode("/kind/twin", "Kind", vals{"multiplicity": rmg.String("one")}),
		addNode("/kind/pair", "Kind", vals{"of": rmg.String("edge")}),

		addNode("/svc", "Folder", nil),
		addNode("/svc/auth", "Service", vals{"lang": rmg.String("go")}),
		addNode("/svc/db", "Service", vals{"lang": rmg.String("c"), "note": rmg.Float(1)}),
		addNode("/svc/ann", "Team", nil),
		addNode("/svc/bob", "Team", nil),
		addNode("/svc/auth/login", "Endpoint", nil),
		addNode("/svc/auth/logout", "Endpoint", nil),
		addEdge("/svc/~auth-db", "calls", "auth", "db", nil),
		addEdge("/svc/~auth-ann", "owned_by", "auth", "ann", nil),
		addEdge("/svc/~ann-auth", "leads", "ann", "auth", nil),
		addEdge("/svc/~ann-bob", "twin", "ann", "bob", nil),
		addEdge("/svc/~free", "knows", "ann", "auth", nil),
		addEdge("/svc/~p1", "pair", "ann", "bob", nil),
		addEdge("/svc/~p2", "pair", "ann", "bob", nil),
	)
}

// TestSchemaRefusals has every way to break a schema, and what is said.
func TestSchemaRefusals(t *testing.T) {
	base := town(t)
	for _, c := range []struct {
		do         write
		want, hint string
	}{
		// Props.
		{
			set("/svc/auth", vals{"lang": rmg.Int(1)}),
			"set /svc/auth: kind Service: prop lang is int, the schema wants string",
			"see /kind/Service and what is declared inside",
		},
		{
			addNode("/svc/x", "Service", nil),
			"add_node /svc/x: kind Service: prop lang is missing, the schema requires it",
			"see /kind/Service and what is declared inside",
		},
		{
			set("/svc/auth", vals{"lang": {}}),
			"set /svc/auth: kind Service: prop lang is missing, the schema requires it",
			"see /kind/Service and what is declared inside",
		},
		{
			setRemove("/svc/auth", "tags", rmg.String("new")),
			"set_remove /svc/auth: kind Service: prop tags is missing, the schema requires it", "",
		},
		{
			func(o *rmg.Overlay) error { return o.SetAdd("/svc/auth", "size", rmg.Int(1)) },
			"set_add /svc/auth: kind Service: prop size is not declared, the schema is closed", "",
		},
		{
			func(o *rmg.Overlay) error { return o.Inc("/svc/auth", "size", 1) },
			"inc /svc/auth: kind Service: prop size is not declared, the schema is closed", "",
		},
		{
			addNode("/svc/x", "Service", vals{"lang": rmg.String("go"), "colour": rmg.String("red")}),
			"add_node /svc/x: kind Service: prop colour is not declared, the schema is closed", "",
		},
		{
			addEdge("/svc/~x", "calls", "auth", "db", vals{"times": rmg.Float(1)}),
			"add_edge /svc/~x: kind calls: prop times is float, the schema wants int", "",
		},
		// What it is.
		{
			addEdge("/svc/~x", "Service", "auth", "db", vals{"lang": rmg.String("go")}),
			"add_edge /svc/~x: kind Service: it is an edge, the schema wants a node", "see /kind/Service",
		},
		{
			addNode("/svc/x", "calls", nil),
			"add_node /svc/x: kind calls: it is a node, the schema wants an edge", "",
		},
		{
			addNode("/svc/x", "leads", nil),
			"add_node /svc/x: kind leads: it is a node, the schema wants an edge", "",
		},
		// Where it stands.
		{
			addNode("/svc/auth/x", "Team", nil),
			"add_node /svc/auth/x: kind Service: kind Team stands inside, the schema wants Endpoint or calls", "",
		},
		{
			addEdge("/svc/auth/~x", "knows", "login", "logout", nil),
			"add_edge /svc/auth/~x: kind Service: kind knows stands inside, the schema wants Endpoint or calls", "",
		},
		{
			addNode("/svc/auth/login/x", "Team", nil),
			"add_node /svc/auth/login/x: kind Endpoint: kind Team stands inside, the schema wants nothing", "",
		},
		{
			addNode("/svc/~auth-ann/x", "Team", nil),
			"add_node /svc/~auth-ann/x: kind owned_by: kind Team stands inside, the schema wants Paper", "",
		},
		{
			move("/svc/bob", "/svc/auth/bob"),
			"move /svc/bob: the node has edges; they would dangle", "",
		},
		{
			move("/svc/auth/login", "/svc/auth/logout/login"),
			"move /svc/auth/logout/login: kind Endpoint: kind Endpoint stands inside, the schema wants nothing", "",
		},
		// What it connects.
		{
			addEdge("/svc/~x", "calls", "ann", "db", nil),
			"add_edge /svc/~x: kind calls: it leaves kind Team, the schema wants Job or Service", "see /kind/calls",
		},
		{
			addEdge("/svc/~x", "calls", "db", "ann", nil),
			"add_edge /svc/~x: kind calls: it reaches kind Team, the schema wants Service", "",
		},
		{
			addEdge("/svc/auth/~x", "calls", "login", "logout", nil),
			"add_edge /svc/auth/~x: kind calls: it leaves kind Endpoint, the schema wants Job or Service", "",
		},
		{
			retype("/svc/~free", "calls"),
			"retype /svc/~free: kind calls: it leaves kind Team, the schema wants Job or Service", "",
		},
		// How many meet.
		{
			addEdge("/svc/~a", "owned_by", "auth", "bob", nil),
			`add_edge /svc/~a: kind owned_by: another leaves "auth", the schema wants one_out`,
			`edge "auth-ann" is there; see /kind/owned_by`,
		},
		{
			addEdge("/svc/~z", "leads", "bob", "auth", nil),
			`add_edge /svc/~z: kind leads: another reaches "auth", the schema wants one_in`,
			`edge "ann-auth" is there; see /kind/leads`,
		},
		{
			addEdge("/svc/~z", "twin", "ann", "auth", nil),
			`add_edge /svc/~z: kind twin: another leaves "ann", the schema wants one`, "",
		},
		{
			addEdge("/svc/~z", "twin", "auth", "bob", nil),
			`add_edge /svc/~z: kind twin: another reaches "bob", the schema wants one`, "",
		},
		{
			retype("/svc/~free", "leads"),
			`retype /svc/~free: kind leads: another reaches "auth", the schema wants one_in`, "",
		},
		// Another kind.
		{
			retype("/svc/ann", "Service"),
			"retype /svc/ann: kind Service: prop lang is missing, the schema requires it", "",
		},
		{
			retype("/svc/db", "Team"),
			"retype /svc/db: /svc/~auth-db: kind calls: it reaches kind Team, the schema wants Service", "see /kind/calls",
		},
		{
			retype("/svc/auth", "Job"), "", "",
		},
		{
			retype("/svc", "Endpoint"),
			"retype /svc: /svc/ann: kind Endpoint: kind Team stands inside, the schema wants nothing", "",
		},
		{
			retype("/svc/auth/login", "Team"),
			"retype /svc/auth/login: kind Service: kind Team stands inside, the schema wants Endpoint or calls", "",
		},
		// Whole subtrees.
		{
			graft("/svc/ann", "Team", nil, addNode("/x", "Folder", nil), addNode("/x/y", "Service", nil)),
			"graft /svc/ann: /svc/ann/x/y: kind Service: prop lang is missing, the schema requires it", "",
		},
		{
			graft("/svc/auth", "Folder", nil),
			"graft /svc/auth: /svc/~auth-db: kind calls: it leaves kind Folder, the schema wants Job or Service", "",
		},
		{
			graft("/svc/new", "Folder", nil, addNode("/a", "T", nil), addEdge("/~1", "twin", "a", "a", nil), addEdge("/~2", "twin", "a", "a", nil)),
			`graft /svc/new: /svc/new/~2: kind twin: another leaves "a", the schema wants one`, `edge "1" is there; see /kind/twin`,
		},
		// The schemas themselves: what there is has to satisfy them.
		{
			addNode("/kind/Team/size", "Prop", nil),
			`add_node /kind/Team: there is no "Team"`, "add the parent first",
		},
		{
			graft("/kind/Team", "Kind", nil, addNode("/size", "Prop", vals{"required": rmg.Bool(true)})),
			"graft /kind/Team: the graph does not satisfy it in 2 places: /svc/ann: kind Team: prop size is missing, the schema requires it; " +
				"/svc/bob: kind Team: prop size is missing, the schema requires it",
			"change these first, or demand less",
		},
		{
			set("/kind/Service/lang", vals{"type": rmg.String("bytes")}),
			"set /kind/Service/lang: the graph does not satisfy it in 2 places: /svc/auth: kind Service: prop lang is string, the schema wants bytes; " +
				"/svc/db: kind Service: prop lang is string, the schema wants bytes", "",
		},
		{
			remove("/kind/Service/note"),
			"remove /kind/Service/note: the graph does not satisfy it in 1 place: /svc/db: kind Service: prop note is not declared, the schema is closed", "",
		},
		{
			set("/kind/Service", vals{"inner": {}, "leaf": rmg.Bool(true)}),
			"set /kind/Service: the graph does not satisfy it in 2 places: /svc/auth/login: kind Service: kind Endpoint stands inside, the schema wants nothing; " +
				"/svc/auth/logout: kind Service: kind Endpoint stands inside, the schema wants nothing", "",
		},
		{
			addNode("/kind/Team", "Kind", vals{"of": rmg.String("edge")}),
			"add_node /kind/Team: the graph does not satisfy it in 2 places: /svc/ann: kind Team: it is a node, the schema wants an edge; " +
				"/svc/bob: kind Team: it is a node, the schema wants an edge", "",
		},
		{
			move("/kind/Endpoint", "/kind/Folder"),
			"move /kind/Endpoint: the graph does not satisfy it in 11 places: /svc/ann: kind Folder: kind Team stands inside, the schema wants nothing; " +
				"/svc/auth: kind Folder: kind Service stands inside, the schema wants nothing; " +
				"/svc/bob: kind Folder: kind Team stands inside, the schema wants nothing; ...", "",
		},
		{
			move("/kind/Endpoint", "/svc/auth/Endpoint"),
			"move /kind/Endpoint: the graph does not satisfy it in 1 place: /svc/auth/Endpoint: kind Service: kind Kind stands inside, the schema wants Endpoint or calls", "",
		},
		{
			set("/kind/calls", vals{"from": kinds("Job")}),
			"set /kind/calls: the graph does not satisfy it in 1 place: /svc/~auth-db: kind calls: it leaves kind Service, the schema wants Job", "",
		},
		{
			setRemove("/kind/calls", "to", rmg.String("Service")), "", "",
		},
		{
			set("/kind/calls", vals{"to": kinds("Job")}),
			"set /kind/calls: the graph does not satisfy it in 1 place: /svc/~auth-db: kind calls: it reaches kind Service, the schema wants Job", "",
		},
		{
			set("/kind/pair", vals{"multiplicity": rmg.String("one_out")}),
			`set /kind/pair: the graph does not satisfy it in 1 place: /svc/~p2: kind pair: another leaves "ann", the schema wants one_out`, "",
		},
		{
			set("/kind/pair", vals{"multiplicity": rmg.String("one_in")}),
			`set /kind/pair: the graph does not satisfy it in 1 place: /svc/~p2: kind pair: another reaches "bob", the schema wants one_in`, "",
		},
		{
			set("/kind/pair", vals{"multiplicity": rmg.String("one"), "from": kinds("Team"), "to": kinds("Team")}),
			`set /kind/pair: the graph does not satisfy it in 2 places: /svc/~p2: kind pair: another leaves "ann", the schema wants one; ` +
				`/svc/~p2: kind pair: another reaches "bob", the schema wants one`, "",
		},
		// And have to be well formed.
		{
			addNode("/kind/X", "Service", vals{"lang": rmg.String("go")}),
			"add_node /kind/X: kind Service stands in /kind, where only Kind does",
			"Schemas in package rmg tells the shape of /kind",
		},
		{
			addEdge("/kind/~x", "calls", "Service", "Service", nil),
			"add_edge /kind/~x: there are no edges in /kind; a kind of edges is a node of kind Kind", "",
		},
		{
			addNode("/kind/\xff", "Kind", nil),
			`add_node /kind/` + "\xff" + `: /kind/%FF: kind Kind: "\xff" cannot be a kind`, "",
		},
		{
			addNode("/kind/Service/%FF", "Prop", nil),
			`add_node /kind/Service/%FF: kind Prop: "\xff" cannot be a prop`, "",
		},
		{
			addNode("/kind/Service/x", "Kind", nil),
			"add_node /kind/Service/x: kind Kind: kind Kind stands inside, the schema wants Prop", "",
		},
		{
			addNode("/kind/Service/lang/x", "Prop", nil),
			"add_node /kind/Service/lang/x: kind Prop: kind Prop stands inside, the schema wants nothing", "",
		},
		{
			addEdge("/kind/Service/~x", "Prop", "lang", "port", nil),
			"add_edge /kind/Service/~x: kind Prop: it is an edge, the schema wants a node", "",
		},
		{
			set("/kind/Service/lang", vals{"requird": rmg.Bool(true)}),
			"set /kind/Service/lang: kind Prop: prop requird is not declared, the schema is closed", "",
		},
		{
			set("/kind/Service/lang", vals{"required": rmg.Int(1)}),
			"set /kind/Service/lang: kind Prop: prop required is int, the schema wants bool", "",
		},
		{
			set("/kind/Service/lang", vals{"type": rmg.String("strng")}),
			`set /kind/Service/lang: kind Prop: prop type is "strng", the schema wants bool, int, float, string, bytes, list, map, ref or blob`, "",
		},
		{
			set("/kind/Service/lang", vals{"default": rmg.Int(1)}),
			"set /kind/Service/lang: kind Prop: prop default is int, but the type says string", "",
		},
		{
			set("/kind/Service/lang", vals{"merge": rmg.String("luck")}),
			`set /kind/Service/lang: kind Prop: prop merge is "luck", the schema wants conflict or text`, "",
		},
		{
			set("/kind/Service", vals{"of": rmg.String("thing")}),
			`set /kind/Service: kind Kind: prop of is "thing", the schema wants node or edge`, "",
		},
		{
			set("/kind/Service", vals{"from": kinds("Team")}),
			"set /kind/Service: kind Kind: prop from does not go with of node", "",
		},
		{
			set("/kind/Service", vals{"leaf": rmg.Bool(true)}),
			"set /kind/Service: kind Kind: prop inner does not go with leaf", "",
		},
		{
			set("/kind/Service", vals{"inner": rmg.List()}),
			"set /kind/Service: kind Kind: prop inner is empty; leaf says that nothing stands inside", "",
		},
		{
			set("/kind/calls", vals{"to": rmg.List()}),
			"set /kind/calls: kind Kind: prop to is empty, the schema wants kinds", "",
		},
		{
			set("/kind/calls", vals{"to": rmg.List(rmg.Int(1))}),
			"set /kind/calls: kind Kind: prop to holds int, the schema wants kinds", "",
		},
		{
			set("/kind/calls", vals{"to": kinds("")}),
			`set /kind/calls: kind Kind: prop to holds "", which cannot be a kind`, "",
		},
		{
			set("/kind/calls", vals{"multiplicity": rmg.String("few")}),
			`set /kind/calls: kind Kind: prop multiplicity is "few", the schema wants many, one_out, one_in or one`, "",
		},
		{
			retype("/kind/Service/lang", "Property"),
			"retype /kind/Service/lang: kind Kind: kind Property stands inside, the schema wants Prop", "",
		},
	} {
		o := rmg.NewOverlay(base)
		err := c.do(o)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("said\n\t%s\nwant\n\t%s", got, c.want)
			continue
		}
		var e *rmg.Error
		switch {
		case err == nil:
			continue
		case o.Graph().Digest() != base.Digest():
			t.Errorf("%s: it was written", c.want)
		case !errors.As(err, &e), c.hint != "" && e.Hint != c.hint:
			t.Errorf("%s: the hint is %q, want %q", c.want, e.Hint, c.hint)
		}
		// The way it is refused leaves the overlay fit for use.
		if err := o.Set("/svc/auth", vals{"lang": rmg.Int(1)}); codeOf(err) != rmg.Invalid {
			t.Errorf("after %s: %v", c.want, err)
		}
	}
}

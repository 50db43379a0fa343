package rmg_test

import (
	"bytes"
	"errors"
	"fmt"

	"jitos.dev/rmg"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// services is a graph of two services, one of which depends on the other.
func services() rmg.Graph {
	o := rmg.NewOverlay(rmg.Graph{})
	must(o.AddNode("/svc", "Group", rmg.Props{}))
	must(o.AddNode("/svc/auth", "Service", rmg.PropsOf(map[string]rmg.Value{"lang": rmg.String("go"), "version": rmg.Int(1)})))
	must(o.AddNode("/svc/db", "Service", rmg.PropsOf(map[string]rmg.Value{"lang": rmg.String("c")})))
	must(o.AddEdge("/svc/~auth-db", "depends_on", "auth", "db", rmg.Props{}))
	return o.Graph()
}

// A graph inside a node is reached by its path; edges are found from both ends.
func Example() {
	g := services()
	e, _ := g.Get("/svc/auth")
	fmt.Println(e.Kind, e.Props.String("lang"), e.Props.Int("version"))
	svc, _ := g.Get("/svc")
	for e := range svc.Graph.Out("auth") {
		fmt.Println("auth", e.Kind, e.To)
	}
	for e := range svc.Graph.In("db") {
		fmt.Println("db is needed by", e.From)
	}
	// Output:
	// Service go 1
	// auth depends_on db
	// db is needed by auth
}

// An overlay is a fork: what it writes shows in the versions that it hands out,
// and nowhere else.
func ExampleOverlay() {
	old := services()
	o := rmg.NewOverlay(old)
	must(o.Inc("/svc/auth", "version", 1))
	must(o.Move("/svc/db", "/svc/store"))
	g := o.Graph()
	fmt.Println(o.Remove("/svc/store", false))
	for p, e := range g.Walk(rmg.Root) {
		fmt.Println(p, e.Kind, e.Props.Int("version"), e.From+">"+e.To)
	}
	was, _ := old.Get("/svc/auth")
	fmt.Println("before:", was.Props.Int("version"))
	// Output:
	// remove /svc/store: the node has edges
	// /svc Group 0 >
	// /svc/auth Service 2 >
	// /svc/store Service 0 >
	// /svc/~auth-db depends_on 0 auth>store
	// before: 1
}

// Content has a name, whatever the way to it.
func ExampleGraph_Digest() {
	a, b := rmg.NewOverlay(rmg.Graph{}), rmg.NewOverlay(rmg.Graph{})
	must(a.AddNode("/x", "K", rmg.Props{}))
	must(a.AddNode("/y", "K", rmg.Props{}))
	must(b.AddNode("/y", "K", rmg.Props{}))
	must(b.AddNode("/z", "K", rmg.Props{}))
	must(b.Remove("/z", false))
	must(b.AddNode("/x", "K", rmg.Props{}))
	fmt.Println(a.Graph().Digest() == b.Graph().Digest())
	// Output: true
}

func ExampleDiff() {
	g := services()
	o := rmg.NewOverlay(g)
	must(o.Set("/svc/auth", map[string]rmg.Value{"lang": rmg.String("rust"), "version": {}}))
	must(o.AddNode("/svc/mail", "Service", rmg.Props{}))
	for c := range rmg.Diff(g, o.Graph()) {
		fmt.Println(c.Kind, c.Path)
		for _, p := range c.Props {
			fmt.Println("  ", p.Name)
		}
	}
	// Output:
	// changed /svc/auth
	//    lang
	//    version
	// added /svc/mail
}

// Two versions of one base are merged prop by prop; what both changed
// differently is a conflict, and a value.
func ExampleMerge() {
	base := services()
	system, workspace := rmg.NewOverlay(base), rmg.NewOverlay(base)
	must(system.Set("/svc/auth", map[string]rmg.Value{"version": rmg.Int(2), "port": rmg.Int(80)}))
	must(workspace.Set("/svc/auth", map[string]rmg.Value{"version": rmg.Int(3), "lang": rmg.String("rust")}))
	g, conflicts, err := rmg.Merge(rmg.MergeInput{Base: base, System: system.Graph(), Workspace: workspace.Graph()})
	must(err)
	e, _ := g.Get("/svc/auth")
	fmt.Println(e.Props.Int("port"), e.Props.String("lang"), e.Props.Int("version"))
	for _, c := range conflicts {
		fmt.Println(c.Path, c.Prop, c.Reason)
	}
	// Output:
	// 80 rust 2
	// /svc/auth version both changed
}

// A store keeps what two versions share once, and reads what is asked for.
func ExampleStore() {
	var file bytes.Buffer
	g := services()
	s := rmg.NewStore(nil, &file, 0)
	_, err := s.Put(g)
	must(err)
	o := rmg.NewOverlay(g)
	must(o.Inc("/svc/auth", "version", 1))
	root, err := s.Put(o.Graph())
	must(err)

	s = rmg.NewStore(bytes.NewReader(file.Bytes()), nil, int64(file.Len()))
	back, err := s.Open(root)
	must(err)
	err = rmg.Protect(func() {
		e, _ := back.Get("/svc/auth")
		fmt.Println(e.Props.Int("version"), back.Digest() == o.Graph().Digest(), len(rmg.Check(back)))
	})
	must(err)
	// Output: 2 true 0
}

// Pages begin after any id.
func ExampleGraph_Nodes() {
	svc, _ := services().Get("/svc")
	for e := range svc.Graph.Nodes("auth") {
		fmt.Println(e.ID)
	}
	// Output: db
}

// What an overlay read and changed can be told afterwards.
func ExampleOverlay_Changes() {
	o := rmg.NewOverlay(services())
	o.RecordReads()
	e, _ := o.Get("/svc/auth")
	must(o.Set("/svc/db", map[string]rmg.Value{"needed_by": rmg.String(e.ID)}))
	must(o.Move("/svc/auth", "/svc/login"))
	fmt.Println("read", o.Reads())
	for c := range o.Changes() {
		fmt.Println(c.Kind, c.Path, c.From)
	}
	// Output:
	// read [/svc/auth]
	// moved /svc/login /svc/auth
	// changed /svc/db
}

// A move is recorded: it is told as one change, and an edit that another fork
// makes follows the element to its new place.
func ExampleDiffMoved() {
	base := services()
	system, workspace := rmg.NewOverlay(base), rmg.NewOverlay(base)
	must(system.Set("/svc/db", map[string]rmg.Value{"port": rmg.Int(5432)}))
	must(workspace.Move("/svc/db", "/svc/store"))
	must(workspace.Set("/svc/store", map[string]rmg.Value{"lang": rmg.String("rust")}))
	g, conflicts, err := rmg.Merge(rmg.MergeInput{
		Base: base, System: system.Graph(), Workspace: workspace.Graph(), WorkspaceMoves: workspace.Moves(),
	})
	must(err)
	fmt.Println(len(conflicts), "conflicts")
	for c := range rmg.DiffMoved(base, g, workspace.Moves()) {
		fmt.Println(c.Kind, c.Path, c.From, len(c.Props))
	}
	// Output:
	// 0 conflicts
	// moved /svc/store /svc/db 0
	// changed /svc/store  2
}

// A mark is a state to go back to.
func ExampleOverlay_Rewind() {
	o := rmg.NewOverlay(services())
	m := o.Mark()
	must(o.Remove("/svc", false))
	fmt.Println(o.Graph().IsEmpty())
	o.Rewind(m)
	fmt.Println(o.Graph().Same(services()))
	// Output:
	// true
	// true
}

// Check tells what is wrong and where, in a graph in memory as in one that is
// stored.
func ExampleCheck() {
	o := rmg.NewOverlay(services()).Unchecked()
	must(o.AddNode("/kind", "Folder", rmg.Props{}))
	must(o.AddNode("/kind/Service", "Kind", rmg.Props{}))
	must(o.AddNode("/kind/Service/version", "Prop", rmg.PropsOf(map[string]rmg.Value{"type": rmg.String("int"), "required": rmg.Bool(true)})))
	for _, f := range rmg.Check(o.Graph()) {
		fmt.Println(f)
	}
	var file bytes.Buffer
	root, err := rmg.NewStore(nil, &file, 0).Put(o.Graph())
	must(err)
	file.Bytes()[3] ^= 1
	g, err := rmg.NewStore(bytes.NewReader(file.Bytes()), nil, int64(file.Len())).Open(root)
	must(err)
	for _, f := range rmg.Check(g) {
		fmt.Println(f)
	}
	// Output:
	// /svc/db: kind Service: prop version is missing, the schema requires it
	// /: read: the stored graph is damaged at byte 0: its checksum is another
}

// What is wrong with a selector has a place.
func ExampleParseSelector() {
	_, err := rmg.ParseSelector("/svc/*[lang=]")
	fmt.Println(err)
	var at *rmg.SelectorError
	if errors.As(err, &at) {
		fmt.Printf("%s\n%*s\n", at.Text, at.At+1, "^")
	}
	// Output:
	// select: "/svc/*[lang=]" is not a selector: at byte 12 a value is missing
	// /svc/*[lang=]
	//             ^
}

package kernel

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// Where what a command read was recorded, that counts and nothing else; a change
// of what it only read, or looked for in vain, or of a list of names that it read,
// is found. Where it may have seen more, all of the branch counts.
func TestRecordedReadsCount(t *testing.T) {
	reads := func(names ...string) *work.Reads { return &work.Reads{By: work.ReadsBySeccomp, Names: names} }
	for name, c := range map[string]struct {
		reads  *work.Reads
		graph  bool // it looks at the graph as well
		status string
		told   string
	}{
		"something else":      {reads: reads("", "go.mod", "sub/"), status: "landed", told: "serializable: what counts as read was recorded (seccomp): 3 names"},
		"what the other made": {reads: reads("first.go"), status: "failed"},
		"the list of names":   {reads: reads("/"), status: "failed"},
		"git's own copies":    {reads: reads(".git/index"), status: "failed"},
		"not recorded":        {status: "failed"},
		"the graph":           {reads: reads("go.mod"), graph: true, status: "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, func(b *bench) {
				let := make(chan struct{})
				asked := false
				b.run.task = func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
					<-let
					asked = a.Reads
					if f, err := a.Workspace.Materialise(ctx, 0); err != nil {
						return work.Result{}, err
					} else if err := f.Close(); err != nil {
						return work.Result{}, err
					}
					if c.graph {
						a.Workspace.Graph()
					}
					return work.Result{OK: true, Reads: c.reads}, writes(ctx, a, "second.go", "def B\n")
				}
				id := b.intent(IntentRequest{Isolation: isolationSerializable})
				synctest.Wait()
				b.landed(b.collapse(b.space(map[string]string{"first.go": "def A\n"})))
				close(let)
				p := b.end(id)
				if p.Status != c.status || c.status == "failed" && !strings.Contains(p.Reason, "read against modify") {
					t.Errorf("%s: %s", p.Status, p.Reason)
				}
				if !asked {
					t.Error("the worker is not asked for what it reads")
				}
				if i := slices.IndexFunc(p.Evidence, func(e work.Evidence) bool { return e.Gate == "isolation" }); c.told != "" && (i < 0 || p.Evidence[i].Reason != c.told) {
					t.Errorf("the evidence says %+v", p.Evidence)
				}
			})
		})
	}
}

// One attempt of which it is not known what it read makes it unknown for all.
func TestReadsOfAllAttempts(t *testing.T) {
	onBench(t, func(b *bench) {
		told := map[string]rmg.Value{}
		if err := b.k.readProps(told, work.Result{Reads: &work.Reads{By: work.ReadsBySeccomp, Names: []string{"a", "b"}}}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			first, second map[string]rmg.Value
			known         bool
		}{{told, told, true}, {nil, told, false}, {told, nil, false}} {
			o := rmg.NewOverlay(rmg.Graph{})
			for _, p := range []rmg.Path{"/t", "/t/1", "/t/2"} {
				e := rmg.Element{ID: p.Base().ID, Kind: kindAttempt}
				switch p {
				case "/t/1":
					e.Props = rmg.PropsOf(c.first)
				case "/t/2":
					e.Props = rmg.PropsOf(c.second)
				}
				if err := o.Graft(p, e); err != nil {
					t.Fatal(err)
				}
			}
			got := filesRead{names: map[string]bool{}}
			known := b.k.addReads(&got, o.Graph(), tasks.Task{ID: "t"})
			if known != c.known || known && (len(got.names) != 2 || got.by != work.ReadsBySeccomp) {
				t.Errorf("%v: %v, %+v", c, known, got)
			}
		}
	})
}

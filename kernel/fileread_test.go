package kernel

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// Where what a command read was recorded, that counts and nothing else; a change
// of what it only read, or looked for in vain, or of a list of names that it read,
// is found. Where it may have seen more, all of the branch counts.
func TestRecordedReadsCount(t *testing.T) {
	reads := func(names ...string) *work.Reads { return &work.Reads{By: work.ReadsBySeccomp, Names: names} }
	declared := func(globs ...string) *work.Reads { return &work.Reads{By: work.ReadsDeclared, Names: globs} }
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
		"declared":            {reads: declared("f*.go"), status: "failed"},
		"declared otherwise":  {reads: declared("doc/**", "*.md"), status: "landed", told: "serializable: what counts as read was declared: *.md, doc/**"},
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
				if p.Status != c.status || c.status == "failed" && !(strings.Contains(p.Reason, "read against modify") && strings.Contains(p.Reason, "first.go")) {
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

// What lands between the merge and the commit is looked at again, and by what was only
// read as well: the candidate was merged with another world then.
func TestReadAgainAtTheCommit(t *testing.T) {
	for name, c := range map[string]struct {
		isolation string
		lands     rmg.Path // meanwhile
		again     bool     // it is to be merged again
	}{
		"a file that it read":                {isolationSerializable, "/repo/app/main/go.mod", true},
		"one that it looked for":             {isolationSerializable, "/repo/app/main/sub/none.go", true},
		"one that is new where it listed":    {isolationSerializable, "/repo/app/main/list/x.go", true},
		"another":                            {isolationSerializable, "/repo/app/main/more.go", false},
		"one that is new elsewhere":          {isolationSerializable, "/repo/app/main/sub/x.go", false},
		"an element of the graph":            {isolationSerializable, "/read", true},
		"another element":                    {isolationSerializable, "/other", false},
		"what it read, and nobody cares":     {isolationSnapshot, "/repo/app/main/go.mod", false},
		"what it wrote, whoever cares":       {isolationSnapshot, "/repo/app/main/base.go", true},
		"an element of it, and nobody cares": {isolationSnapshot, "/read", false},
	} {
		t.Run(name, func(t *testing.T) {
			onBench(t, func(b *bench) {
				b.run.task = func(ctx context.Context, _ string, a work.Assignment) (work.Result, error) {
					return work.Result{OK: true, Reads: &work.Reads{By: work.ReadsBySeccomp, Names: []string{"go.mod", "list/", "sub/none.go"}}}, writes(ctx, a, "base.go", "def Old\n//def B\n")
				}
				b.repo.commit(t, map[string]string{"more.go": "def M\n", "sub/a.go": "def S\n", "list/a.go": "def L\n"})
				b.run.hold()
				id := b.intent(IntentRequest{Isolation: c.isolation})
				synctest.Wait() // its gates run
				p, err := b.k.Process(id)
				if err != nil {
					t.Fatal(err)
				}
				b.k.reads.note(p.Workspace, readSet{exact: []rmg.Path{"/read"}})
				ctx, job := context.Background(), &collapse{
					process: id, space: p.Workspace, author: "kernel", root: "/repo/app/main", branch: "main", land: landCommit, strict: c.isolation == isolationSerializable,
				}
				cand, conflicts, err := b.k.prepare(job, b.k.now().world)
				if err != nil || len(conflicts) > 0 {
					t.Fatal(err, conflicts)
				}
				job.judged = cand.from
				anew, err := b.k.putBytes([]byte("anew\n"))
				if err != nil {
					t.Fatal(err)
				}
				_, err = b.k.system(ctx, "ada", "test", "lands meanwhile", []rewrite.Op{{Op: rewrite.Write, Path: c.lands, Blob: anew}})
				if err != nil {
					t.Fatal(err)
				}
				_, _, err = b.k.commitCollapse(ctx, job, cand, nil, 0)
				if again := errors.Is(err, errHeadMoved); again != c.again || err != nil && !again {
					t.Errorf("it is to be merged again: %v", err)
				}
			})
		})
	}
}

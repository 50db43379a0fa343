package sim

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"jitos.dev/kernel"
)

var ada = kernel.Caller{Name: "ada"}

// act is a repository whose intent runs a script.
func act(t *testing.T, script string) *place {
	return newPlace(t, map[string]string{"go.mod": begin["go.mod"], "a.go": begin["a.go"], "act.sh": script}, realRunner(t), actLibrary)
}

// TestRaceOfCommands lets three attempts of one command race on the real runner:
// the lane is all that they differ by, and only the second builds.
func TestRaceOfCommands(t *testing.T) {
	t.Parallel()
	p := act(t, `case $JITOS_LANE in 2) echo "package ten // by lane 2" > lane.go;; *) echo "nonsense" > lane.go;; esac`)
	got := must(p.Intent(t.Context(), ada, kernel.IntentRequest{Text: "act on app", Dir: p.app, Race: 3}))(t)
	end := must(p.Wait(t.Context(), got.ID))(t)
	if end.Status != "landed" || end.Workspace != end.Lanes[1].Workspace {
		t.Fatalf("%s by %s: %s", end.Status, end.Workspace, end.Reason)
	}
	if end.Evicted != nil || len(end.Evidence) != 2 || !end.Evidence[1].Green {
		t.Errorf("a loser has spoken: %+v, %+v", end.Evicted, end.Evidence)
	}
	data := must(os.ReadFile(filepath.Join(p.app, "lane.go")))(t)
	if string(data) != "package ten // by lane 2\n" {
		t.Errorf("lane.go holds %q", data)
	}
	for _, l := range end.Lanes {
		if (l.State == "collapsed") != (l.N == 2) || l.Outcome == "" {
			t.Errorf("%+v", l)
		}
	}
	if v := must(p.Verify(t.Context()))(t); len(v.Problems) > 0 {
		t.Errorf("verify: %v", v.Problems)
	}
}

// TestCancelReachesChildren cancels a process whose command has left a child in
// the background: both are gone when cancel returns.
func TestCancelReachesChildren(t *testing.T) {
	t.Parallel()
	mark := fmt.Sprintf("sleep %d", 1_000_000+os.Getpid())
	p := act(t, mark+" &\necho begun\nwait\n")
	got := must(p.Intent(t.Context(), ada, kernel.IntentRequest{Text: "act on app", Dir: p.app}))(t)
	for begun := false; !begun; {
		lines, more, err := p.Lines(got.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			begun = begun || strings.Contains(l.Text, "begun")
		}
		if more == nil {
			t.Fatalf("it ended: %+v", lines)
		}
		if !begun {
			<-more
		}
	}
	alive := func() bool { return exec.Command("pgrep", "-f", mark).Run() == nil }
	for !alive() { // it is forked, and may not be what it becomes yet
		if q := must(p.Process(got.ID))(t); q.Status != "running" {
			t.Fatalf("%s: %s", q.Status, q.Reason)
		}
	}
	if c := must(p.Cancel(t.Context(), ada, got.ID))(t); c.Status != "cancelled" {
		t.Errorf("%s: %s", c.Status, c.Reason)
	}
	if alive() {
		t.Error("the child lives on")
	}
}

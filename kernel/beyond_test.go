package kernel

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"jitos.dev/rmg"
)

// process is what carried a collapse that ended well.
func (b *bench) process(e *ending) Process {
	b.Helper()
	if !e.over() || e.err != nil {
		b.Fatalf("it is not over, or ended with %v", e.err)
	}
	p, err := b.k.Process(e.out.Process)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func TestLandAsAPatch(t *testing.T) {
	onBench(t, func(b *bench) {
		e := b.collapseTo(b.space(map[string]string{"a.go": "def A\n"}), landPatch)
		p := b.process(e)
		if p.Status != "landed" || p.LandedOn != "" || p.Patch != e.out.Patch || p.Patch.Size == 0 || !strings.Contains(p.Next, "--patch") {
			t.Errorf("%s %q %+v %s", p.Status, p.LandedOn, p.Patch, p.Next)
		}
		expect(t, "head", b.history(), "[]")
		if len(b.repo.parked) != 0 {
			t.Errorf("branches were made: %v", b.repo.parked)
		}
	})
}

func TestLandByPush(t *testing.T) {
	onBench(t, func(b *bench) {
		a := b.space(map[string]string{"a.go": "def A\n"})
		e := b.collapseTo(a, landPush)
		if !e.over() || !errors.Is(e.err, &rmg.Error{Code: rmg.Invalid}) {
			t.Fatalf("a push without a remote: %v", e.err)
		}
		if len(b.k.Processes()) != 0 {
			t.Error("work was begun that leads nowhere")
		}
		b.repo.remote = map[string]string{}
		for land, want := range map[string]rmg.Code{"push:elsewhere": rmg.Invalid, "patch:hub": rmg.Invalid, "mail": rmg.Invalid} {
			if e := b.collapseTo(a, land); !e.over() || !errors.Is(e.err, &rmg.Error{Code: want}) {
				t.Errorf("%s: %v", land, e.err)
			}
		}
		p := b.process(b.collapseTo(a, "push:hub"))
		if p.Status != "landed" || p.LandedOn != "hub/main" || b.repo.remote["main"] != p.Commit || b.repo.parked["jitos/"+p.ID] != p.Commit {
			t.Errorf("%s on %q: %v", p.Status, p.LandedOn, b.repo.remote)
		}
		expect(t, "head", b.history(), "[]")

		// What the remote does not take stands on a branch of its own, with the
		// code of the refusal; the workspace is open for another try, from there.
		b.repo.remote["main"] = "theirs"
		c := b.space(map[string]string{"c.go": "def C\n"})
		p = b.process(b.collapseTo(c, landPush))
		if p.Status != "unlanded" || p.Code != rmg.Conflict || p.LandedOn != "jitos/"+p.ID || b.repo.parked[p.LandedOn] != p.Commit || b.repo.remote["main"] != "theirs" {
			t.Errorf("%s %s on %q: %s", p.Status, p.Code, p.LandedOn, p.Reason)
		}
		if !strings.Contains(p.Next, "jitos sws collapse "+c+" --land push") {
			t.Errorf("next: %s", p.Next)
		}
		b.repo.remote["main"] = ""
		if p := b.process(b.collapseTo(c, landPush)); p.Status != "landed" || b.repo.remote["main"] != p.Commit {
			t.Errorf("again: %s: %s", p.Status, p.Reason)
		}
	})
}

// What leaves the machine does so in its owner's name: a token has to say so.
func TestPushNeedsACapability(t *testing.T) {
	onBench(t, func(b *bench) {
		b.repo.remote = map[string]string{}
		a := b.space(map[string]string{"a.go": "def A\n"})
		bot := Caller{Name: "token:bot", Kind: KindAgent, Caps: CapRewrite | CapCollapse | CapIntent}
		for _, land := range []string{landPush, landPull} {
			if _, err := b.k.Collapse(context.Background(), bot, a, CollapseRequest{Land: land}); !errors.Is(err, &rmg.Error{Code: rmg.Denied}) {
				t.Errorf("%s: %v", land, err)
			}
			if _, err := b.k.Intent(context.Background(), bot, IntentRequest{Text: "do base.go", Dir: "/app", Land: land}); !errors.Is(err, &rmg.Error{Code: rmg.Denied}) {
				t.Errorf("an intent by %s: %v", land, err)
			}
		}
		if len(b.repo.remote) != 0 {
			t.Errorf("pushed all the same: %v", b.repo.remote)
		}
	})
}

func TestLandAsAPullRequest(t *testing.T) {
	onBench(t, func(b *bench) {
		b.repo.remote = map[string]string{"main": "theirs"}
		p := b.process(b.collapseTo(b.space(map[string]string{"a.go": "def A\n"}), landPull))
		branch := "jitos/" + p.ID
		if p.Status != "landed" || p.LandedOn != "hub/"+branch || b.repo.remote[branch] != p.Commit || !strings.HasPrefix(p.URL, "https://hub/main/"+branch+"?Collapse") {
			t.Errorf("%s on %q, %q: %v", p.Status, p.LandedOn, p.URL, b.repo.remote)
		}
		if b.repo.remote["main"] != "theirs" {
			t.Error("the remote's branch was pushed to")
		}
		b.repo.onPropose = func() error { return &rmg.Error{Op: "pr", Code: rmg.Unavailable, Msg: "who are you"} }
		p = b.process(b.collapseTo(b.space(map[string]string{"c.go": "def C\n"}), landPull))
		if p.Status != "unlanded" || p.Code != rmg.Unavailable || b.repo.parked["jitos/"+p.ID] != p.Commit {
			t.Errorf("%s %s: %s", p.Status, p.Code, p.Reason)
		}
	})
}

// afterDeath starts the kernel on what the disk held when it was killed in the
// middle of a push.
func (b *bench) afterDeath(land string, arrived bool) Process {
	b.Helper()
	then := b.TempDir()
	b.repo.remote = map[string]string{}
	b.repo.onPush = func() error {
		b.repo.onPush = nil
		return os.CopyFS(then, os.DirFS(b.dir))
	}
	was := b.process(b.collapseTo(b.space(map[string]string{"a.go": "def A\n"}), land))
	if was.Status != "landed" {
		b.Fatalf("%s: %s", was.Status, was.Reason)
	}
	b.close()
	b.dir = then
	if !arrived {
		b.repo.remote = map[string]string{}
	}
	b.repo.onPush = func() error { b.Error("a start sends something"); return nil }
	b.open(2)
	b.repo.onPush = nil
	p, err := b.k.Process(was.ID)
	if err != nil {
		b.Fatal(err)
	}
	if b.repo.parked["jitos/"+p.ID] != was.Commit || p.Commit != was.Commit {
		b.Errorf("the commit %s is not kept: %v, %s", was.Commit, b.repo.parked, p.Commit)
	}
	return p
}

// A daemon that is killed while it sends sends nothing by itself when it is back:
// it looks at what git knows of the remote.
func TestKilledWhileItSends(t *testing.T) {
	onBench(t, func(b *bench) {
		if p := b.afterDeath(landPush, true); p.Status != "landed" || p.LandedOn != "hub/main" {
			t.Errorf("it had arrived: %s on %q: %s", p.Status, p.LandedOn, p.Reason)
		}
	})
	onBench(t, func(b *bench) {
		p := b.afterDeath(landPush, false)
		if p.Status != "unlanded" || p.LandedOn != "jitos/"+p.ID {
			t.Errorf("it had not arrived: %s on %q: %s", p.Status, p.LandedOn, p.Reason)
		}
		if again := b.process(b.collapseTo(p.Workspace, landPush)); again.Status != "landed" || b.repo.remote["main"] != again.Commit {
			t.Errorf("another try: %s: %s", again.Status, again.Reason)
		}
	})
	onBench(t, func(b *bench) {
		p := b.afterDeath(landPull, true)
		if p.Status != "unlanded" || !strings.Contains(p.Reason, "pull request") {
			t.Errorf("who knows whether it was asked for: %s: %s", p.Status, p.Reason)
		}
	})
}

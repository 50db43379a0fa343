package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	tea "charm.land/bubbletea/v2"

	"jitos.dev/net/wire"
)

// A line is split as a shell splits it, and what is printed can be typed.
func TestWords(t *testing.T) {
	for line, want := range map[string][]string{
		"": nil, "  ": nil, "why  a.go:3": {"why", "a.go:3"}, `x 'a b' "c d"`: {"x", "a b", "c d"}, `a\ b`: {"a b"},
		`'it'\''s'`: {"it's"}, `"a\"b\n"`: {`a"b\n`}, `''`: {""}, `a'b'c`: {"abc"}, `"$x"`: {"$x"},
	} {
		got, err := words(line)
		if err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("%s: %q %v, want %q", line, got, err, want)
		}
		if again, err := words(shell(want)); err != nil || fmt.Sprintf("%q", again) != fmt.Sprintf("%q", want) {
			t.Errorf("%q is printed as %s, which reads %q %v", want, shell(want), again, err)
		}
	}
	for _, bad := range []string{`'a`, `"a`, `a\`} {
		if got, err := words(bad); err == nil {
			t.Errorf("%s: %q", bad, got)
		}
	}
}

// asked is a daemon with questions and a process, for conversations about them.
func asked(t *testing.T, questions ...wire.Approval) *conversation {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/inbox":
			_ = json.NewEncoder(w).Encode(wire.InboxAnswer{Inbox: questions})
		case "/process/p7":
			_ = json.NewEncoder(w).Encode(wire.Process{ID: "p7", Status: "landed", Collapse: 57})
		case "/process/p8":
			_ = json.NewEncoder(w).Encode(wire.Process{ID: "p8", Status: "failed"})
		case "/process":
			_ = json.NewEncoder(w).Encode(wire.ProcessesAnswer{Processes: []wire.Process{{ID: "p7", Status: "landed"}, {ID: "p8", Status: "failed"}}})
		}
	}))
	t.Cleanup(s.Close)
	t.Setenv("JITOS_TOKEN", "s")
	t.Setenv("JITOS_SOCKET", "tcp:"+strings.TrimPrefix(s.URL, "http://"))
	c := &conversation{a: &app{out: &bytes.Buffer{}, err: &bytes.Buffer{}, socket: os.Getenv("JITOS_SOCKET")}}
	return c
}

// Each line means one command, or what is missing is said.
func TestMeant(t *testing.T) {
	none, one := asked(t), asked(t, wire.Approval{ID: "a7"})
	two := asked(t, wire.Approval{ID: "a7"}, wire.Approval{ID: "a9", Question: "may it?"})
	one.last = "p7"
	two.last = "p8"
	for _, x := range []struct {
		c          *conversation
		line, want string
	}{
		{none, "", ""},
		{none, "  Fix the bug in ./a  ", "intent 'Fix the bug in ./a'"},
		{none, "don't break a", `intent 'don'\''t break a'`},
		{none, "why a.go:3", "why a.go:3"},
		{none, "jitos why 'a b.go'", "why 'a b.go'"},
		{none, "intent 'show me'", "intent 'show me'"},
		{none, "stats", "stats"},
		{none, "help", "--help"},
		{none, "help sws new", "sws new --help"},
		{none, "why 'a", "a quote has no end"},
		{none, "exit", "EOF"},
		{none, "quit", "EOF"},
		{none, "undo", "nothing was done in this conversation"},
		{none, "undo 5", "undo 5"},
		{one, "undo", "undo 57"},
		{two, "undo", "p8 is failed"},
		{none, "show", "show"},
		{one, "show", "show p7"},
		{one, "logs", "logs p7"},
		{one, "show p8", "show p8"},
		{one, "logs -f", "logs p7 -f"},
		{none, "logs -f", "logs -f"},
		{one, "approve", "answer a7 approve"},
		{one, "reject a7 not  now", "answer a7 reject -m 'not  now'"},
		{none, "approve", "no question is open"},
		{two, "approve", "2 questions are open"},
		{two, "approve a9", "answer a9 approve"},
	} {
		args, err := x.c.meant(context.Background(), x.line)
		got := shell(args)
		if err != nil {
			got = err.Error()
		}
		if got != x.want && (err == nil || !strings.Contains(got, x.want)) {
			t.Errorf("%q means %s, want %s", x.line, got, x.want)
		}
	}
	two.tellQuestions(context.Background())
	if got := two.a.out.(*bytes.Buffer).String(); !strings.Contains(got, "? a9 may it?; approve a9, or reject a9") {
		t.Errorf("%s", got)
	}
}

// What may stand at the end of a line is what the shells are told, and the words of
// a conversation.
func TestCandidates(t *testing.T) {
	c := asked(t)
	for line, want := range map[string]string{
		"sta": " [status]", "rej": " [reject]", "show ": "show  [p8 p7]", "jitos show p": "jitos show  [p8 p7]",
		"sws coll": "sws  [collapse]", "intent --lan": "intent  [--land]", "x 'a": "x  []", "Fix the": "Fix  []",
	} {
		lead, list := c.candidates(context.Background(), line)
		if got := lead + " " + fmt.Sprint(list); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// Lines are kept for the next conversation, for their owner alone, and not without
// bound.
func TestLineHistory(t *testing.T) {
	name := filepath.Join(t.TempDir(), "jitos", "history")
	h := openHistory(name)
	for _, line := range []string{"one", "one", "", " secret", "two"} {
		if err := h.add(line); err != nil {
			t.Fatal(err)
		}
	}
	if got := openHistory(name).lines; fmt.Sprint(got) != "[one two]" {
		t.Errorf("%q", got)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	for i := range maxHistory + 5 {
		h.lines = append(h.lines, fmt.Sprint(i))
	}
	if err := h.add("last"); err != nil || len(openHistory(name).lines) != maxHistory {
		t.Errorf("%d lines are kept, %v", len(openHistory(name).lines), err)
	}
}

// Keys at the prompt: history keeps the line being typed, Tab completes as far as
// all agree, Ctrl-C empties, Ctrl-D ends where nothing is typed.
func TestPromptKeys(t *testing.T) {
	p := newPrompt([]string{"first", "second"}, func(line string) (string, []string) {
		return "show ", []string{"p17", "p18"}
	})
	p.Init()
	press := func(keys ...string) string {
		special := map[string]tea.Key{
			"up": {Code: tea.KeyUp}, "down": {Code: tea.KeyDown}, "tab": {Code: tea.KeyTab}, "enter": {Code: tea.KeyEnter},
			"ctrl+c": {Code: 'c', Mod: tea.ModCtrl}, "ctrl+d": {Code: 'd', Mod: tea.ModCtrl},
		}
		for _, k := range keys {
			key, ok := special[k]
			if !ok {
				key = tea.Key{Text: k, Code: []rune(k)[0]}
			}
			_, cmd := p.Update(tea.KeyPressMsg(key))
			if k == "tab" {
				p.Update(cmd())
			}
		}
		return p.input.Value()
	}
	for _, x := range []struct{ keys, want string }{
		{"s h", "sh"}, {"up", "second"}, {"up up up", "first"}, {"down", "second"}, {"down down", "sh"}, {"tab", "show p1"}, {"ctrl+c", ""}, {"up", "second"},
	} {
		if got := press(strings.Fields(x.keys)...); got != x.want {
			t.Errorf("after %s: %q, want %q", x.keys, got, x.want)
		}
	}
	press("ctrl+c", "x", "tab")
	if got := p.View().Content; !strings.Contains(got, "p17  p18") {
		t.Errorf("%q", got)
	}
	if press("ctrl+d"); p.done {
		t.Error("Ctrl-D ends a line with something in it")
	}
	if press("ctrl+c", "ctrl+d"); !p.done || p.end == nil {
		t.Error("Ctrl-D does not end")
	}
}

// converses begins a conversation on a terminal, in a folder.
func (p *person) converses(t *testing.T, dir string) (*screen, *exec.Cmd) {
	p.Helper()
	far, near := terminal(t, 80, 24)
	cmd := p.command(dir, "jitos")
	cmd.Env = append(cmd.Env, "TERM=xterm")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = near, near, near
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true} // so that Ctrl-C is one
	if err := cmd.Start(); err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // killed
		}
	})
	near.Close()
	return watch(t, far), cmd
}

// On a terminal jitos alone is a conversation: each line prints the command that
// it is, and runs it.
func TestConversationOnATerminal(t *testing.T) {
	p := newPerson(t)
	p.write("app/note.txt", "one\n")
	p.repo("app")
	p.run("app", "jitos", "sws", "new", "--reason", "the first one")
	s, cmd := p.converses(t, "app")
	say := func(keys string) {
		t.Helper()
		s.until("jitos> ")
		s.press(keys)
	}
	until := s.until
	say("sws list\r")
	until("$ jitos sws list")
	until("the first one")
	say("stats\r")
	until(`there is no "stats" in jitos; did you mean `)
	say("why note.txt:1\r")
	until("$ jitos why note.txt:1")
	say("make everything better at once\r")
	until("$ jitos intent 'make everything better at once'")
	until("hint: ")
	say("\x1b[A\x1b[A\x1b[A\r") // the line before the one before the last
	until("$ jitos stats")
	say("\x04")
	s.rest()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	kept, err := os.ReadFile(filepath.Join(p.dir, ".state/jitos/history"))
	if err != nil || string(kept) != "sws list\nstats\nwhy note.txt:1\nmake everything better at once\nstats\n" {
		t.Errorf("%q %v", kept, err)
	}
}

// A question is answered and what came of it taken back from the prompt, without an
// id; what is typed ahead, with a line or while its command runs, is kept.
func TestAConversationApprovesAndUndoes(t *testing.T) {
	p := newPerson(t)
	p.write("app/note.txt", "one\n")
	p.repo("app")
	head := p.run("app", "git", "rev-parse", "HEAD")
	s, cmd := p.converses(t, "app")
	s.until("jitos> ")
	s.press("intent --approve ask --detach-after 1ms 'write a report about . to REPORT.md'\r")
	s.until("jitos answer a")
	s.press("\x03") // lets go of it
	s.until("? a")
	s.until("jitos> ")
	// Beside the line, the next two in one go; they wait for the one before.
	s.press("approve\rlogs -f\rwhy REPORT.md:1\r")
	for _, text := range []string{"$ jitos answer a", "jitos> logs -f", "$ jitos logs p4 -f", "landed", "jitos> why REPORT.md:1", "  approved by ", "write a report about"} {
		s.until(text)
	}
	s.until("jitos> ")
	if got := p.run("app", "git", "rev-parse", "HEAD~"); got != head {
		t.Errorf("main is not one commit on: %s", got)
	}
	s.press("undo\rsho")
	s.until("$ jitos undo ")
	s.until("undoes")
	s.until("sho")
	s.press("w\r")
	s.until("$ jitos show p")
	s.until("jitos> ")
	if _, err := os.Stat(filepath.Join(p.dir, "app/REPORT.md")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is not undone: %v", err)
	}
	s.press("\x04")
	s.rest()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// What was typed ahead is what it would have been at the prompt, as far as anybody
// could have seen.
func TestAhead(t *testing.T) {
	for keys, want := range map[string]string{
		"":                             "[part]",
		"status":                       "[part status]",
		"status\rsho":                  "[status] [part sho]",
		"a\nb\r\x04":                   "[a] [b] EOF",
		"ab\x7f\x7fc\x08d é\r":         "[d é] [part]",
		"no\x03yes\r":                  "[yes] [part]",
		"\x1b[Ax\x1b[1;5Dy\x1bOPz\x1b": "[part xyz]",
		"a\xffb\x04\r":                 "[ab] [part]",
	} {
		a := ahead{typed: []byte(keys)}
		var got []string
		for range 5 {
			text, whole, err := a.take()
			if err != nil {
				got = append(got, err.Error())
				break
			}
			if !whole {
				got = append(got, strings.TrimSpace("[part "+text)+"]")
				break
			}
			got = append(got, "["+text+"]")
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %s", keys, got, want)
		}
	}
	// A paste of several lines is one line's text: it does not end the line.
	for keys, want := range map[string]int{"x\ry": 2, "\x1b[200~a\rb\x1b[201~c\rd": 17, "\x1b[200~a\r": -1, "abc": -1} {
		a := ahead{}
		if got := a.end([]byte(keys)); got != want {
			t.Errorf("%q ends at %d, want %d", keys, got, want)
		}
	}
}

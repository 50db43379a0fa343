package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
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

// On a terminal jitos alone is a conversation: each line prints the command that
// it is, and runs it.
func TestConversationOnATerminal(t *testing.T) {
	p := newPerson(t)
	p.write("app/note.txt", "one\n")
	p.repo("app")
	p.run("app", "jitos", "sws", "new", "--reason", "the first one")
	far, near := terminal(t, 80, 24)
	cmd := p.command("app", "jitos")
	cmd.Env = append(cmd.Env, "TERM=xterm")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = near, near, near
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	near.Close()
	var seen bytes.Buffer
	buf := make([]byte, 4096)
	until := func(text string) {
		t.Helper()
		for !strings.Contains(seen.String(), text) {
			n, err := far.Read(buf)
			if err != nil {
				t.Fatalf("%v before %q in %q", err, text, seen.String())
			}
			seen.Write(buf[:n])
		}
		seen.Next(strings.Index(seen.String(), text) + len(text))
	}
	say := func(keys string) {
		t.Helper()
		until("jitos> ")
		if _, err := far.WriteString(keys); err != nil {
			t.Fatal(err)
		}
	}
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
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	kept, err := os.ReadFile(filepath.Join(p.dir, ".state/jitos/history"))
	if err != nil || string(kept) != "sws list\nstats\nwhy note.txt:1\nmake everything better at once\nstats\n" {
		t.Errorf("%q %v", kept, err)
	}
}

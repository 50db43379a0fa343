package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	tea "charm.land/bubbletea/v2"

	"jitos.dev/net/wire"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// The whole of top, by its keys: a question is approved, what came of it looked at
// from all sides, an earlier time visited, and all of it taken back.
func TestTopByItsKeys(t *testing.T) {
	p := newPerson(t)
	p.write("app/note.txt", "one\n")
	p.repo("app")
	p.run("app", "jitos", "sws", "new", "--reason", "by hand")
	cmd := p.command("app", "jitos", "sws", "write", "w4", "NOTES.md")
	cmd.Stdin = strings.NewReader("a line of my own\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p.run("app", "jitos", "intent", "--detach", "--approve", "ask", "write a report about . to REPORT.md")
	const columns, lines = 100, 30
	far, near := terminal(t, columns, lines)
	top := p.command("app", "jitos", "top", "--every", "100ms")
	top.Env = append(top.Env, "TERM=vt100")
	top.Stdin, top.Stdout, top.Stderr = near, near, near
	top.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := top.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if top.ProcessState == nil {
			_ = top.Process.Kill()
			_ = top.Wait() // killed
		}
	})
	near.Close()
	s := watch(t, far)
	shows := func(texts ...string) string { t.Helper(); return s.shows(columns, lines, texts...) }
	do := func(keys string, texts ...string) string { t.Helper(); s.press(keys); return shows(texts...) }

	shows("1 processes 1", "inbox 1", "write a report", "enter opens")
	do("\r", "$ jitos show p", "waiting · ", "├─ ✓ gather", "└─ ", "asks a person")
	do("\x7f", "enter opens", "PROCESS")
	do("2", "by hand", "d drops")
	do("\r", "$ jitos sws diff w4", "+a line of my own", "esc closes")
	do("4", "a approves", "QUESTION")
	do("\r", "$ jitos inbox a", "asks")
	do("r", "because:", "enter sends")
	do("not\x1b", "nothing was done")
	do("a", "approve a", "[y/n]")
	do("y", "is approved")
	shows("inbox 0")
	do("1", "landed")
	do("3", "GATE", "green")
	do("\r", "$ jitos gates show p")
	do("5", "SEQ", "t that time")
	do("\r", "$ jitos diff seq:")
	now := do("\x7ft", "$ jitos graph / --view seq:", "a record back")
	seq := regexp.MustCompile(`--view seq:(\d+) `)
	var newest int
	if m := seq.FindStringSubmatch(now); m == nil {
		t.Fatalf("%s", now)
	} else if _, err := fmt.Sscan(m[1], &newest); err != nil {
		t.Fatal(err)
	}
	do("\x1b[D", fmt.Sprintf("--view seq:%d ", newest-1))
	do("\x1b[C", fmt.Sprintf("--view seq:%d ", newest))
	do("1u", "take back what p", "[y/n]")
	do("n", "nothing was done")
	do("u", "[y/n]")
	do("y", "undoes seq")
	if _, err := os.Stat(filepath.Join(p.dir, "app/REPORT.md")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is not undone: %v", err)
	}
	s.press("q")
	if text := s.rest(); !strings.Contains(text, "\x1b[?1049l") {
		t.Errorf("the terminal is not as it was: %q", text)
	}
	if err := top.Wait(); err != nil {
		t.Error(err)
	}
}

// boardOf is a board with something on every list.
func boardOf(columns, lines int) *board {
	m := &board{a: &app{}, columns: columns, lines: lines}
	for i := range 40 {
		id := fmt.Sprint("p", i)
		m.all = append(m.all, wire.Process{
			ID: id, Status: "landed", Text: "\x1b[2Jé" + strings.Repeat("long ", 40), Collapse: uint64(i % 2 * 100),
			Tasks: []wire.TaskState{{Task: tasks.Task{ID: "t"}, State: "ok"}}, Evidence: []work.Evidence{{Gate: "unit\x1b", Green: true, Reason: "all"}},
		})
		m.look.Workspaces = append(m.look.Workspaces, wire.Workspace{ID: fmt.Sprint("w", i), Reason: strings.Repeat("for ", 40)})
		m.look.Questions = append(m.look.Questions, wire.Approval{ID: fmt.Sprint("a", i), Question: "may it\n?"})
		m.records = append(m.records, wire.Record{Seq: uint64(100 - i), Author: "ada", Reason: "because\t"})
	}
	m.proved = m.all
	return m
}

// Whatever is shown stays within the screen and cannot move the cursor.
func TestTheBoardIsDrawnWithinTheScreen(t *testing.T) {
	for _, size := range [][2]int{{20, 6}, {40, 10}, {80, 24}, {200, 60}} {
		m := boardOf(size[0], size[1])
		for _, open := range []*opened{nil, {args: []string{"sws", "diff", "w1"}, text: strings.Split(strings.Repeat("+\tx\x1b[2J"+strings.Repeat("y", 300)+"\n", 70), "\n")}, {args: []string{"show", "p1"}, text: []string{"é"}}} {
			for p := range pages {
				m.page, m.open = p, open
				for _, q := range []*boardQuestion{nil, {text: "why:", line: true, typed: strings.Repeat("w", 300)}} {
					m.asks = q
					rows := m.drawn()
					if len(rows) != size[1] {
						t.Errorf("%v, page %d: %d rows", size, p, len(rows))
					}
					for _, r := range rows {
						r = strings.ReplaceAll(strings.ReplaceAll(r, "\x1b[7m", ""), "\x1b[0m", "")
						if len([]rune(r)) > size[0] || strings.ContainsAny(r, "\x1b\t\n") {
							t.Errorf("%v, page %d: %q", size, p, r)
						}
					}
				}
			}
		}
	}
}

// The selection stays with what was selected as lists move, and keys ask for what is
// selected.
func TestTheBoardsKeys(t *testing.T) {
	m := boardOf(80, 24)
	if m.pressed("down"); m.selected() != "p1" {
		t.Errorf("%s is selected", m.selected())
	}
	m.all = append([]wire.Process{{ID: "p99"}}, m.all...)
	if m.selected() != "p1" {
		t.Errorf("%s is selected", m.selected())
	}
	for _, x := range []struct {
		keys, want string
	}{
		{"1 u", "undo 100"},
		{"1 c", "cancel p1"},
		{"1 r", "retry p1 --detach"},
		{"2 d", "sws discard w0"},
		{"2 u", ""},
		{"4 a", "answer a0 approve"},
		{"4 end a", "answer a39 approve"},
		{"5 u", "undo 100"},
		{"5 down down u", "undo 98"},
		{"3 u", ""},
	} {
		m.asks = nil
		for key := range strings.FieldsSeq(x.keys) {
			m.pressed(key)
		}
		got := ""
		if m.asks != nil {
			got = shell(m.asks.args(""))
		}
		if got != x.want {
			t.Errorf("%s: %s, want %s", x.keys, got, x.want)
		}
	}
	// Nothing is done but by y; a line may be typed, and be left.
	m.asks = nil
	m.pressed("4")
	m.pressed("home")
	for _, key := range []string{"n", "enter", "esc", "ctrl+c"} {
		m.pressed("a")
		if m.answered(keyOf(key)) != nil || m.asks != nil {
			t.Errorf("%s approves", key)
		}
	}
	m.pressed("r")
	for _, key := range []string{"n", "o", "p", "backspace", "t"} {
		if m.answered(keyOf(key)) != nil {
			t.Errorf("%s sends", key)
		}
	}
	if got := shell(m.asks.args(m.asks.typed)); got != "answer a0 reject -m not" {
		t.Errorf("%s", got)
	}
	if m.answered(keyOf("enter")) == nil || m.asks != nil {
		t.Error("enter does not send")
	}
}

// keyOf is a key that was pressed.
func keyOf(name string) tea.KeyPressMsg {
	switch name {
	case "enter":
		return tea.KeyPressMsg{Code: tea.KeyEnter}
	case "esc":
		return tea.KeyPressMsg{Code: tea.KeyEscape}
	case "backspace":
		return tea.KeyPressMsg{Code: tea.KeyBackspace}
	case "ctrl+c":
		return tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}
	}
	return tea.KeyPressMsg{Code: rune(name[0]), Text: name}
}

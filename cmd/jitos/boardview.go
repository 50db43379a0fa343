package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	tea "charm.land/bubbletea/v2"

	"jitos.dev/net/wire"
)

// boardFrame is how many lines of the board are no list: two at the head, the note
// and the keys.
const boardFrame = 5

// room is how many rows are shown at once.
func (m *board) room() int { return max(m.lines-boardFrame, 1) }

// last is how far something can be scrolled.
func (m *board) last(o *opened) int { return max(len(m.textOf(o))-m.room(), 0) }

// textOf is what is shown of what is open: of a process its tree comes first.
func (m *board) textOf(o *opened) []string {
	if o.args[0] != "show" {
		return o.text
	}
	return append(m.tree(o.args[1]), o.text...)
}

// View draws the board.
func (m *board) View() tea.View {
	v := tea.NewView(strings.Join(m.drawn(), "\n"))
	v.AltScreen = true
	return v
}

// drawn are the rows of the board, each within the screen.
func (m *board) drawn() []string {
	st := m.look.Status
	head := fmt.Sprintf("jitos %s  seq %d", st.Version, st.Seq)
	if r := m.look.Rates; r != nil {
		head += fmt.Sprintf("  %.1f records/s", r.Records)
	}
	head += fmt.Sprintf("  disk %s", sizeText(st.Disk))
	if st.ReadOnly != "" {
		head += "  read-only: " + printable(st.ReadOnly)
	}
	rows := []string{m.paint.as(bold, cut(head, m.columns)), m.tabs()}
	if m.open != nil {
		rows = append(rows, m.openRows()...)
	} else {
		rows = append(rows, m.listRows()...)
	}
	for len(rows) < m.lines-2 {
		rows = append(rows, "")
	}
	note := cut(m.note, m.columns)
	if m.bad {
		note = m.paint.as(red, note)
	}
	if m.asks != nil {
		note = m.asks.text + " [y/n]"
		if m.asks.line {
			note = m.asks.text + " " + printable(m.asks.typed) + "█"
		}
		note = m.paint.as(amber, cutTail(note, m.columns))
	}
	return append(rows, note, m.paint.as(faint, cut(m.keys(), m.columns)))
}

// cutTail shortens a text to its last n runes: of what is typed the end is looked at.
func cutTail(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return "…" + string(r[len(r)-n+1:])
	}
	return s
}

// tabs are the names of the lists, with how much is in each.
func (m *board) tabs() string {
	names := [pages]string{
		fmt.Sprintf("processes %d", len(m.all)), "workspaces " + m.look.openText(), "gates", fmt.Sprintf("inbox %d", len(m.look.Questions)), "log",
	}
	var parts []string
	left := m.columns
	for i, name := range names {
		text := cutLine(fmt.Sprintf(" %d %s ", i+1, name), max(left, 1))
		left -= len([]rune(text))
		switch {
		case page(i) == m.page:
			text = m.inverse(text)
		case page(i) == aboutQuestions && len(m.look.Questions) > 0:
			text = m.paint.as(amber, text)
		}
		if parts = append(parts, text); left <= 0 {
			break
		}
	}
	return strings.Join(parts, "")
}

// inverse marks a text, with or without colours.
func (m *board) inverse(text string) string { return "\x1b[7m" + text + "\x1b[0m" }

// keys are what can be pressed.
func (m *board) keys() string {
	switch {
	case m.asks != nil && m.asks.line:
		return "enter sends  esc leaves it"
	case m.asks != nil:
		return "y does it  any other key leaves it"
	case m.open != nil && m.open.args[0] == "graph":
		return "left, right: a record back, on  up, down scroll  esc closes  q ends"
	}
	does := map[page]string{
		aboutProcesses: "c cancels  r goes on  u undoes", aboutWorkspaces: "d drops", aboutQuestions: "a approves  r rejects",
		aboutLog: "t that time  u undoes",
	}[m.page]
	if m.open != nil {
		return strings.TrimSpace("up, down scroll  esc closes  "+does) + "  q ends"
	}
	return strings.TrimSpace("1-5, tab: lists  up, down  enter opens  "+does) + "  q ends"
}

// ids are the names of what the list has, in its order.
func (m *board) ids() []string {
	var out []string
	switch m.page {
	case aboutProcesses:
		for _, p := range m.all {
			out = append(out, p.ID)
		}
	case aboutWorkspaces:
		for _, s := range m.look.Workspaces {
			out = append(out, s.ID)
		}
	case aboutGates:
		for _, p := range m.proved {
			for _, e := range p.Evidence {
				out = append(out, p.ID+" "+e.Gate)
			}
		}
	case aboutQuestions:
		for _, q := range m.look.Questions {
			out = append(out, q.ID)
		}
	case aboutLog:
		for _, r := range m.records {
			out = append(out, fmt.Sprint(r.Seq))
		}
	}
	return out
}

// list prints the list as a table; its first row is the head.
func (m *board) list(w io.Writer) {
	switch m.page {
	case aboutProcesses:
		row(w, "PROCESS", "STATUS", "REPOSITORY", "STARTED", "TASKS", "INTENT")
		for _, p := range m.all {
			row(w, p.ID, p.Status, strings.Trim(p.Repo+"/"+p.Branch, "/"), clock(p.Started), doneText(p), cut(p.Text, 100))
		}
	case aboutWorkspaces:
		row(w, "WORKSPACE", "OWNER", "SINCE", "RECORDS", "CONTENT", "FOR")
		for _, s := range m.look.Workspaces {
			row(w, s.ID, s.Owner, clock(s.At), s.Records, sizeText(s.Bytes), cut(cmp.Or(s.Process, s.Reason), 100))
		}
	case aboutGates:
		row(w, "PROCESS", "GATE", "", "TIME", "EVIDENCE")
		for _, p := range m.proved {
			for _, e := range p.Evidence {
				row(w, p.ID, e.Gate, verdictOf(e), millis(e.Millis), cut(e.Reason, 100))
			}
		}
	case aboutQuestions:
		row(w, "QUESTION", "ABOUT", "SINCE", "WHAT")
		for _, q := range m.look.Questions {
			row(w, q.ID, cmp.Or(q.Process, q.SWS), clock(q.At), cut(q.Question, 200))
		}
	case aboutLog:
		row(w, "SEQ", "AT", "VIEW", "AUTHOR", "CAUSE", "OPS", "REASON")
		for _, r := range m.records {
			row(w, r.Seq, clock(r.At), r.View, r.Author, cut(r.Cause, 16), len(r.Ops)+r.OpsOmitted, cut(r.Reason, 100))
		}
	}
}

// doneText is how many of a process's tasks are done.
func doneText(p wire.Process) string {
	done := 0
	for _, t := range p.Tasks {
		if t.State == "ok" || t.State == "nothing" {
			done++
		}
	}
	return fmt.Sprintf("%d of %d", done, len(p.Tasks))
}

// listRows are the rows of the list that fit, with the selected one among them.
func (m *board) listRows() []string {
	var text bytes.Buffer
	tw := tabwriter.NewWriter(&text, 0, 8, 2, ' ', 0)
	m.list(tw)
	_ = tw.Flush() // a buffer takes everything
	all := strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
	rows := []string{m.paint.as(faint, cut(all[0], m.columns))}
	if all = all[1:]; len(all) == 0 {
		return append(rows, "nothing")
	}
	at, room := m.cursor(m.ids()), m.room()
	from := min(max(at-room/2, 0), max(len(all)-room, 0))
	for i := from; i < min(from+room, len(all)); i++ {
		r := cut(all[i], m.columns)
		if i == at {
			r = m.inverse(r)
		}
		rows = append(rows, r)
	}
	return rows
}

// openRows are the rows of what is open: the command, the tree of a process, and what
// was printed.
func (m *board) openRows() []string {
	o := m.open
	text := m.textOf(o)
	top := min(o.top, max(len(text)-m.room(), 0))
	where := ""
	if len(text) > m.room() {
		where = fmt.Sprintf("  (%d-%d of %d)", top+1, min(top+m.room(), len(text)), len(text))
	}
	rows := []string{m.paint.as(faint, cut("$ jitos "+shell(o.args)+where, m.columns))}
	isDiff := o.args[0] == "diff" || len(o.args) > 1 && o.args[1] == "diff"
	for _, line := range text[top:min(top+m.room(), len(text))] {
		if strings.Contains(line, "\x1b") && o.args[0] == "show" {
			rows = append(rows, line) // of the tree, which is cut already
			continue
		}
		line = cutLine(strings.ReplaceAll(harmless(line), "\t", "    "), m.columns)
		if isDiff {
			line = m.diffLine(line)
		}
		rows = append(rows, line)
	}
	return rows
}

// cutLine is cut for text whose indentation counts.
func cutLine(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// diffLine colours a line of a diff by its beginning.
func (m *board) diffLine(line string) string {
	switch {
	case strings.HasPrefix(line, "@@"):
		return m.paint.as(cyan, line)
	case strings.HasPrefix(line, "+"):
		return m.paint.as(green, line)
	case strings.HasPrefix(line, "-"):
		return m.paint.as(red, line)
	}
	return line
}

// tree is a process's tasks, as jitos intent draws them.
func (m *board) tree(id string) []string {
	for _, p := range m.all {
		if p.ID == id {
			l := &live{a: m.a, id: id, paint: m.paint, p: p, begun: p.Started.Time, said: map[string]string{}}
			return append(l.tree(m.columns, max(m.room()/2, 4)), "")
		}
	}
	return nil
}

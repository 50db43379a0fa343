package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"jitos.dev/net/client"
	"jitos.dev/net/wire"
)

// board is jitos top on a terminal with a person at it. Whatever it opens or does is
// a command, which is run as if it had been typed and shown in the last line but one,
// so that nothing can be done here that cannot be done without.
type board struct {
	a     *app
	c     *client.Client
	ctx   context.Context
	every time.Duration

	columns, lines int
	paint          paint
	look           topLook
	at             time.Time // of look
	all            []wire.Process
	proved         []wire.Process // the newest of them, with their evidence
	records        []wire.Record  // newest first
	page           page
	chosen         [pages]string // what is selected on each page: by its name, as lists move
	open           *opened
	asks           *boardQuestion
	note           string
	bad            bool // the note says what went wrong
	end            error
}

// page is one of the board's lists.
type page int

const (
	aboutProcesses page = iota
	aboutWorkspaces
	aboutGates
	aboutQuestions
	aboutLog
	pages
)

// opened is what a command printed, and how far it is scrolled down.
type opened struct {
	args []string
	text []string
	top  int
}

// boardQuestion is what is asked before a command is run: y, or a line of text.
type boardQuestion struct {
	text  string
	typed string // of a line
	line  bool
	args  func(typed string) []string
}

// What the board is told.
type (
	boardLooked struct {
		look    topLook
		at      time.Time
		all     []wire.Process
		records []wire.Record
		err     error
	}
	boardTick   struct{}
	boardGates  []wire.Process // with their evidence, which lists leave out
	boardOpened struct {
		args []string
		text string
		code int
	}
	boardDone struct {
		args []string
		text string
		code int
	}
)

// The limits of the board's lists.
const (
	boardRecords = 500 // of the log
	boardProved  = 20  // processes whose gates are listed
)

// board shows the board until the person ends it.
func (a *app) board(ctx context.Context, c *client.Client, every time.Duration) error {
	m := &board{a: a, c: c, ctx: ctx, every: every, paint: a.painter(), columns: 80, lines: 24}
	_, err := tea.NewProgram(m, tea.WithInput(a.in), tea.WithOutput(a.out), tea.WithContext(ctx)).Run()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !errors.Is(err, tea.ErrInterrupted):
		return err
	}
	return m.end
}

// Init looks for the first time.
func (m *board) Init() tea.Cmd { return m.looks() }

// looks asks what is going on.
func (m *board) looks() tea.Cmd {
	return func() tea.Msg {
		out := boardLooked{at: time.Now()}
		if out.look, out.err = look(m.ctx, m.c); out.err != nil {
			return out
		}
		if out.all, out.err = m.c.Processes(m.ctx); out.err != nil {
			return out
		}
		slices.Reverse(out.all)
		ans, err := m.c.Log(m.ctx, client.LogQuery{Limit: boardRecords, Ops: 1})
		out.records, out.err = ans.Records, err
		return out
	}
}

// Update does what a key says, or shows what came.
func (m *board) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.columns, m.lines = max(msg.Width, 20), max(msg.Height, 6)
	case boardTick:
		return m, m.looks()
	case boardLooked:
		return m, m.looked(msg)
	case boardGates:
		m.proved = msg
	case boardOpened:
		m.shows(msg)
	case boardDone:
		m.note, m.bad = firstLine(msg.text), msg.code != 0
		return m, m.looks()
	case tea.KeyPressMsg:
		if m.asks != nil {
			return m, m.answered(msg)
		}
		return m, m.pressed(msg.String())
	}
	return m, nil
}

// looked shows a look, and asks for the next.
func (m *board) looked(msg boardLooked) tea.Cmd {
	next := tea.Tick(m.every, func(time.Time) tea.Msg { return boardTick{} })
	if msg.err != nil {
		m.note, m.bad = printable(msg.err.Error()), true
		return next
	}
	if !m.at.IsZero() {
		msg.look.Rates = ratesOf(m.look.Status, msg.look.Status, msg.at.Sub(m.at))
	}
	m.look, m.at, m.all, m.records = msg.look, msg.at, msg.all, msg.records
	if o := m.open; o != nil && o.args[0] == "show" { // a process goes on while it is looked at
		return tea.Batch(next, m.runs(o.args, false))
	}
	if m.page == aboutGates {
		return tea.Batch(next, m.proves())
	}
	return next
}

// proves asks for the evidence of the newest processes.
func (m *board) proves() tea.Cmd {
	newest := m.all[:min(boardProved, len(m.all))]
	return func() tea.Msg {
		var out boardGates
		for _, p := range newest {
			if p, err := m.c.Process(m.ctx, p.ID); err == nil { // one that is gone has none
				out = append(out, p)
			}
		}
		return out
	}
}

// shows opens what a command printed, or what is new of it.
func (m *board) shows(msg boardOpened) {
	text := strings.Split(strings.TrimRight(msg.text, "\n"), "\n")
	if o := m.open; o != nil && slices.Equal(o.args, msg.args) {
		o.text = text
		o.top = min(o.top, m.last(o))
		return
	}
	m.open = &opened{args: msg.args, text: text}
}

// runs runs a command and catches what it prints. does says whether it changes
// something, or is to be shown.
func (m *board) runs(args []string, does bool) tea.Cmd {
	return func() tea.Msg {
		var text bytes.Buffer
		b := &app{in: strings.NewReader(""), out: &text, err: &text, config: m.a.config, spoken: true}
		root := b.root()
		root.SetArgs(slices.Concat(m.a.reach(), []string{"--no-input", "--output=table"}, args))
		code := b.exit(m.ctx, root.ExecuteContext(m.ctx))
		if b.release != nil {
			b.release()
		}
		if does {
			return boardDone{args, text.String(), code}
		}
		return boardOpened{args, text.String(), code}
	}
}

// reach are the flags by which another command reaches the same daemon.
func (a *app) reach() []string {
	var out []string
	for name, value := range map[string]string{"--socket": a.socket, "--server": a.server, "--token-file": a.tokenFile} {
		if value != "" {
			out = append(out, name+"="+value)
		}
	}
	slices.Sort(out)
	return out
}

// pressed does what a key says.
func (m *board) pressed(key string) tea.Cmd {
	m.note, m.bad = "", false
	switch key {
	case "q", "ctrl+d":
		return tea.Quit
	case "ctrl+c":
		m.end = &exitError{130, ""}
		return tea.Quit
	case "ctrl+l":
		return tea.ClearScreen
	case "1", "2", "3", "4", "5":
		return m.turn(page(key[0] - '1'))
	case "tab":
		return m.turn((m.page + 1) % pages)
	case "shift+tab":
		return m.turn((m.page + pages - 1) % pages)
	case "up", "k":
		m.move(-1)
	case "down", "j":
		m.move(1)
	case "pgup":
		m.move(-m.room())
	case "pgdown", "space":
		m.move(m.room())
	case "home", "g":
		m.move(-1 << 20)
	case "end", "G":
		m.move(1 << 20)
	case "esc", "backspace":
		m.open = nil
	case "enter":
		return m.opens()
	case "[", "left":
		return m.travels(1)
	case "]", "right":
		return m.travels(-1)
	case "t":
		return m.travels(0)
	default:
		m.asks = m.question(key)
	}
	return nil
}

// turn shows another list.
func (m *board) turn(p page) tea.Cmd {
	if m.page, m.open = p, nil; p == aboutGates {
		return m.proves()
	}
	return nil
}

// move moves the selection, or scrolls what is open.
func (m *board) move(by int) {
	if o := m.open; o != nil {
		o.top = min(max(o.top+by, 0), m.last(o))
		return
	}
	ids := m.ids()
	if len(ids) > 0 {
		m.chosen[m.page] = ids[min(max(m.cursor(ids)+by, 0), len(ids)-1)]
	}
}

// cursor is where the selection stands in a list; the first if what was selected is
// gone.
func (m *board) cursor(ids []string) int { return max(slices.Index(ids, m.chosen[m.page]), 0) }

// selected is what is selected; "" in an empty list.
func (m *board) selected() string {
	ids := m.ids()
	if len(ids) == 0 {
		return ""
	}
	return ids[m.cursor(ids)]
}

// opens opens what is selected.
func (m *board) opens() tea.Cmd {
	id := m.selected()
	if id == "" || m.open != nil {
		return nil
	}
	switch m.page {
	case aboutProcesses:
		return m.runs([]string{"show", id}, false)
	case aboutWorkspaces:
		return m.runs([]string{"sws", "diff", id}, false)
	case aboutGates:
		process, gate, _ := strings.Cut(id, " ")
		return m.runs([]string{"gates", "show", process, gate}, false)
	case aboutQuestions:
		return m.runs([]string{"inbox", id}, false)
	default:
		before := "seq:" + id
		if i := slices.Index(m.ids(), id); i+1 < len(m.records) {
			before = fmt.Sprint("seq:", m.records[i+1].Seq)
		}
		return m.runs([]string{"diff", before, "seq:" + id}, false)
	}
}

// travels shows the graph as it was after the record under the cursor, or one that
// many newer (or, below 0, older) in the list.
func (m *board) travels(by int) tea.Cmd {
	if m.page != aboutLog || len(m.records) == 0 {
		return nil
	}
	then := m.open != nil && m.open.args[0] == "graph"
	if by != 0 && !then {
		return nil
	}
	ids := m.ids()
	id := ids[min(max(m.cursor(ids)+by, 0), len(ids)-1)]
	m.chosen[m.page] = id
	return m.runs([]string{"graph", "/", "--view", "seq:" + id, "--depth", "2"}, false)
}

// question is what a key asks about what is selected; nil if it means nothing there.
func (m *board) question(key string) *boardQuestion {
	id := m.selected()
	if id == "" {
		return nil
	}
	yes := func(text string, args ...string) *boardQuestion {
		return &boardQuestion{text: text, args: func(string) []string { return args }}
	}
	switch {
	case key == "u" && m.page == aboutLog:
		return yes("take back record "+id+"?", "undo", id)
	case key == "u" && m.page == aboutProcesses:
		i := slices.IndexFunc(m.all, func(p wire.Process) bool { return p.ID == id })
		if m.all[i].Collapse == 0 {
			m.note = id + " has changed nothing that could be undone"
			return nil
		}
		return yes("take back what "+id+" did?", "undo", fmt.Sprint(m.all[i].Collapse))
	case key == "c" && m.page == aboutProcesses:
		return yes("cancel "+id+"?", "cancel", id)
	case key == "r" && m.page == aboutProcesses:
		return yes("go on with "+id+"?", "retry", id, "--detach")
	case key == "d" && m.page == aboutWorkspaces:
		return yes("drop "+id+" (it can be restored)?", "sws", "discard", id)
	case key == "a" && m.page == aboutQuestions:
		return yes("approve "+id+"?", "answer", id, "approve")
	case key == "r" && m.page == aboutQuestions:
		return &boardQuestion{text: "reject " + id + " because:", line: true, args: func(why string) []string {
			args := []string{"answer", id, "reject"}
			if why = strings.TrimSpace(why); why != "" {
				args = append(args, "-m", why)
			}
			return args
		}}
	}
	return nil
}

// answered takes a key as the answer to what is asked.
func (m *board) answered(k tea.KeyPressMsg) tea.Cmd {
	q := m.asks
	switch key := k.String(); {
	case key == "esc" || key == "ctrl+c":
		m.asks, m.note = nil, "nothing was done"
	case q.line && key == "enter", !q.line && (key == "y" || key == "Y"):
		m.asks = nil
		args := q.args(q.typed)
		m.note = "$ jitos " + shell(args)
		return m.runs(args, true)
	case !q.line:
		m.asks, m.note = nil, "nothing was done"
	case key == "backspace":
		r := []rune(q.typed)
		q.typed = string(r[:max(len(r)-1, 0)])
	case len([]rune(q.typed)) < maxLine:
		q.typed += k.Text
	}
	return nil
}

// firstLine is what a command said first, without its name.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return printable(strings.TrimPrefix(line, "jitos: "))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
)

// The limits of the prompt.
const (
	maxLine    = 4096 // characters of a line
	maxOffered = 12   // candidates that are shown
)

// promptText stands before what is typed.
const promptText = "jitos> "

// prompt is one line being typed.
type prompt struct {
	input   textinput.Model
	history []string
	at      int    // in history; its length: the line being typed
	typed   string // the line being typed, while another is shown
	offered []string
	columns int

	candidates func(line string) (lead string, list []string)
	done       bool
	end        error // io.EOF: Ctrl-D
}

// offer is what a Tab found.
type offer struct {
	line, lead string
	list       []string
}

func newPrompt(history []string, candidates func(string) (string, []string)) *prompt {
	in := textinput.New()
	in.Prompt, in.CharLimit = promptText, maxLine
	return &prompt{input: in, history: history, at: len(history), candidates: candidates}
}

// ask has the person type a line. io.EOF: they want no more.
func (c *conversation) ask(ctx context.Context) (string, error) {
	p := newPrompt(c.history.lines, func(line string) (string, []string) {
		ctx, stop := context.WithTimeout(ctx, 2*suggestTimeout)
		defer stop()
		return c.candidates(ctx, line)
	})
	text, whole, err := c.ahead.take()
	if whole {
		fmt.Fprintln(c.a.out, promptText+printable(text))
		return text, err
	}
	p.input.SetValue(text)
	p.input.CursorEnd()
	prog := tea.NewProgram(p, tea.WithInput(c.ahead.reader(c.a.in)), tea.WithOutput(c.a.out), tea.WithContext(ctx))
	if _, err := prog.Run(); err != nil {
		if errors.Is(err, tea.ErrInterrupted) || errors.Is(err, tea.ErrProgramKilled) {
			return "", io.EOF
		}
		return "", err
	}
	return p.input.Value(), p.end
}

// Init gives the line the keys.
func (p *prompt) Init() tea.Cmd { return p.input.Focus() }

// Update does what a key says.
func (p *prompt) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch m := msg.(type) {
	case tea.WindowSizeMsg:
		p.columns = m.Width
		p.input.SetWidth(max(m.Width-len(promptText)-1, 8))
		return p, nil
	case offer:
		if m.line == p.input.Value() { // else it was typed on meanwhile
			p.take(m)
		}
		return p, nil
	case tea.KeyPressMsg:
		switch m.String() {
		case "enter", "alt+enter", "ctrl+j": // the last is how the end of a line reads that was typed while a command ran
			p.done, p.offered = true, nil
			return p, tea.Quit
		case "ctrl+d":
			if p.input.Value() == "" {
				p.done, p.offered, p.end = true, nil, io.EOF
				return p, tea.Quit
			}
		case "ctrl+c":
			p.input.Reset()
			p.at, p.offered = len(p.history), nil
			return p, nil
		case "up":
			p.recall(p.at - 1)
			return p, nil
		case "down":
			p.recall(p.at + 1)
			return p, nil
		case "tab":
			line := p.input.Value()
			return p, func() tea.Msg {
				lead, list := p.candidates(line)
				return offer{line, lead, list}
			}
		}
		p.offered = nil
	}
	var cmd tea.Cmd
	p.input, cmd = p.input.Update(msg)
	return p, cmd
}

// recall shows another line of the history, or the one being typed.
func (p *prompt) recall(at int) {
	if at < 0 || at > len(p.history) {
		return
	}
	if p.at == len(p.history) {
		p.typed = p.input.Value()
	}
	p.at, p.offered = at, nil
	if at == len(p.history) {
		p.input.SetValue(p.typed)
	} else {
		p.input.SetValue(p.history[at])
	}
	p.input.CursorEnd()
}

// take completes the line as far as all candidates agree, and shows them if there
// are more than one.
func (p *prompt) take(o offer) {
	if len(o.list) == 0 {
		return
	}
	text := o.list[0]
	for _, c := range o.list {
		for !strings.HasPrefix(c, text) {
			text = text[:len(text)-1]
		}
	}
	p.offered = nil
	if len(o.list) == 1 {
		text += " "
	} else {
		p.offered = slices.Clone(o.list[:min(len(o.list), maxOffered)])
		if n := len(o.list) - len(p.offered); n > 0 {
			p.offered = append(p.offered, "…")
		}
	}
	p.input.SetValue(o.lead + text)
	p.input.CursorEnd()
}

// View is the line, and what may stand there. Once it is entered it stays as it is.
func (p *prompt) View() tea.View {
	if p.done {
		return tea.NewView(promptText + printable(p.input.Value()) + "\n")
	}
	text := p.input.View()
	if len(p.offered) > 0 {
		text += "\n" + cut(printable(strings.Join(p.offered, "  ")), max(p.columns, 20))
	}
	return tea.NewView(text)
}

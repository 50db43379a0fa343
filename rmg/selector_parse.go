package rmg

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// SelectorError says what is wrong with the text of a selector, and where. It is
// the cause of the Error that ParseSelector returns as Invalid.
type SelectorError struct {
	Text string
	At   int // bytes of Text that were read before
	Msg  string
}

// Error prints the place and what is wrong there.
func (e *SelectorError) Error() string { return fmt.Sprintf("at byte %d %s", e.At, e.Msg) }

// ParseSelector reads a selector. Errors have code Invalid, and a *SelectorError
// as their cause, or code Limit for what is longer than MaxSelector, MaxSteps or
// MaxPredicates allow. O(length of text).
func ParseSelector(text string) (Selector, error) {
	if len(text) > MaxSelector {
		return Selector{}, selectorLimit("bytes", len(text), MaxSelector)
	}
	if text == string(Root) {
		return Selector{}, nil
	}
	p := selectorParser{text: text, rest: text}
	var steps []step
	for p.rest != "" {
		if err := p.step(&steps); err != nil {
			return Selector{}, err
		}
		if len(steps) > MaxSteps {
			return Selector{}, selectorLimit("steps", len(steps), MaxSteps)
		}
	}
	if len(steps) == 0 {
		return Selector{}, p.wrong("it is empty")
	}
	s := newSelector(steps)
	if len(s.text) > MaxSelector {
		return Selector{}, selectorLimit("bytes, written with escapes,", len(s.text), MaxSelector)
	}
	return s, nil
}

func selectorLimit(of string, n, most int) error {
	return &Error{Op: "select", Code: Limit, Msg: fmt.Sprintf("a selector has %d %s; the limit is %d", n, of, most)}
}

// selectorParser reads from left to right; rest is what is left of text.
type selectorParser struct{ text, rest string }

func (p *selectorParser) wrong(format string, args ...any) error {
	at := len(p.text) - len(p.rest)
	return &Error{
		Op: "select", Code: Invalid,
		Msg:  fmt.Sprintf("%q is not a selector", p.text),
		Err:  &SelectorError{Text: p.text, At: at, Msg: fmt.Sprintf(format, args...)},
		Hint: `a selector is like /svc/*[kind=Service][lang="go"] or /repo/**/*.go`,
	}
}

// take takes off a prefix if it is there.
func (p *selectorParser) take(prefix string) bool {
	rest, ok := strings.CutPrefix(p.rest, prefix)
	p.rest = rest
	return ok
}

// step reads a step with its slash. A gap that has something to match, or is
// the last, is a gap and a step that takes anything.
func (p *selectorParser) step(steps *[]step) error {
	if !p.take("/") {
		return p.wrong("a / is missing")
	}
	var x step
	if p.take("~") {
		x.side = onlyEdges
	}
	name := p.until()
	if name == "" {
		return p.wrong("a name is missing; * is any")
	}
	deep := name == "**" && x.side == onlyNodes
	var err error
	if x.name, err = p.glob(name); err != nil {
		return err
	}
	if x.where, err = p.predicates(0); err != nil {
		return err
	}
	if x.axes, err = p.axes(len(x.where)); err != nil {
		return err
	}
	if !deep {
		*steps = append(*steps, x)
		return nil
	}
	if n := len(*steps); n == 0 || !(*steps)[n-1].gap {
		*steps = append(*steps, step{gap: true})
	}
	if p.rest == "" || len(x.where) > 0 || len(x.axes) > 0 {
		x.side = bothSides
		*steps = append(*steps, x)
	}
	return nil
}

// until takes off what a name or a kind may be written with.
func (p *selectorParser) until() string {
	end := 0
	for end < len(p.rest) && !strings.ContainsRune("/[]", rune(p.rest[end])) && !hasArrow(p.rest[end:]) {
		end++
	}
	text := p.rest[:end]
	p.rest = p.rest[end:]
	return text
}

func hasArrow(s string) bool {
	return strings.HasPrefix(s, "->") || strings.HasPrefix(s, "<-") || strings.HasPrefix(s, "<<-")
}

func (p *selectorParser) glob(text string) (glob, error) {
	g, ok := readGlob(text)
	if !ok {
		return nil, p.wrong("a %%XX escape before it is wrong")
	}
	for _, part := range g {
		if len(part.text) > MaxSegment {
			return nil, selectorLimit("bytes in one name", len(part.text), MaxSegment)
		}
	}
	return g, nil
}

// axes reads arrows, each with its conditions; so many predicates stand before
// them.
func (p *selectorParser) axes(before int) ([]axis, error) {
	var out []axis
	for {
		var a axis
		switch {
		case p.take("->>"):
			a = axis{dir: Forward, far: true}
		case p.take("->"):
			a = axis{dir: Forward}
		case p.take("<<-"):
			a = axis{dir: Backward, far: true}
		case p.take("<-"):
			a = axis{dir: Backward}
		default:
			return out, nil
		}
		kind := p.until()
		if kind == "" {
			kind = "*"
		}
		var err error
		if a.kind, err = p.glob(kind); err != nil {
			return nil, err
		}
		if a.where, err = p.predicates(before); err != nil {
			return nil, err
		}
		before += 1 + len(a.where)
		if before > MaxPredicates {
			return nil, selectorLimit("predicates and axes in one step", before, MaxPredicates)
		}
		out = append(out, a)
	}
}

func (p *selectorParser) predicates(before int) ([]predicate, error) {
	var out []predicate
	for p.take("[") {
		x, err := p.predicate()
		if err != nil {
			return nil, err
		}
		out = append(out, x)
		if n := before + len(out); n > MaxPredicates {
			return nil, selectorLimit("predicates and axes in one step", n, MaxPredicates)
		}
	}
	return out, nil
}

// predicate reads a condition behind its bracket, to the closing one.
func (p *selectorParser) predicate() (x predicate, err error) {
	p.space()
	if p.take("!") {
		x.op = opNone
		p.space()
	}
	quoted := strings.HasPrefix(p.rest, `"`)
	if x.name, err = p.name(); err != nil {
		return x, err
	}
	x.own = !quoted && slices.Contains(ownNames, x.name)
	p.space()
	if x.op == opHas {
		for _, op := range operators {
			if p.take(op) {
				x.op = op
				break
			}
		}
		if x.op != opHas {
			if err := p.operand(&x); err != nil {
				return x, err
			}
		}
	}
	p.space()
	if !p.take("]") {
		return x, p.wrong("a ] is missing; what is not of letters, digits and _./- has to be in quotes")
	}
	return x, nil
}

// operand reads what a condition compares with.
func (p *selectorParser) operand(x *predicate) (err error) {
	p.space()
	if x.value, err = p.value(); err != nil {
		return err
	}
	if x.op != opLike {
		return nil
	}
	text, ok := x.value.AsString()
	if !ok {
		return p.wrong("~ wants a string")
	}
	x.like, err = p.glob(text)
	return err
}

func (p *selectorParser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// name reads a prop's name, in quotes or not.
func (p *selectorParser) name() (string, error) {
	name := p.word()
	if name == "" && strings.HasPrefix(p.rest, `"`) {
		v, err := p.json()
		if err != nil {
			return "", err
		}
		name, _ = v.AsString()
	}
	if checkName(name) != nil {
		return "", p.wrong("the name of a prop is missing")
	}
	return name, nil
}

// value reads JSON or a word.
func (p *selectorParser) value() (Value, error) {
	if p.rest != "" && strings.IndexByte(`"{[`, p.rest[0]) >= 0 {
		return p.json()
	}
	word := p.bare()
	switch {
	case word == "":
		return Value{}, p.wrong("a value is missing")
	case word == "null":
		return Value{}, p.wrong("no prop is null; [!name] asks for one that is absent")
	case !json.Valid([]byte(word)):
		return String(word), nil
	}
	v, err := parseJSON([]byte(word))
	if err != nil {
		return Value{}, p.wrong("%v", err)
	}
	return v, nil
}

// word takes off what needs no quotes.
func (p *selectorParser) word() string {
	end := 0
	for end < len(p.rest) && isWordByte(p.rest[end]) {
		end++
	}
	text := p.rest[:end]
	p.rest = p.rest[end:]
	return text
}

// bare takes off a value that is in no quotes: what a number may have, and what
// is beyond ASCII, are forgiven.
func (p *selectorParser) bare() string {
	end := 0
	for end < len(p.rest) {
		r, n := utf8.DecodeRuneInString(p.rest[end:])
		if r == utf8.RuneError || r < utf8.RuneSelf && !isWordByte(byte(r)) && !strings.ContainsRune("+*?%@", r) {
			break
		}
		end += n
	}
	text := p.rest[:end]
	p.rest = p.rest[end:]
	return text
}

// json takes off a value of JSON.
func (p *selectorParser) json() (Value, error) {
	dec := json.NewDecoder(strings.NewReader(p.rest))
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return Value{}, p.wrong("the value is not JSON: %v", err)
	}
	v, err := parseJSON(bytes.TrimSpace(raw))
	if err == nil {
		err = v.Check()
	}
	if err != nil {
		return Value{}, p.wrong("the value will not do: %v", err)
	}
	p.rest = p.rest[dec.InputOffset():]
	return v, nil
}

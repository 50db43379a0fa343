// Package calc computes expressions of integers, names, + - * / and brackets.
package calc

import (
	"errors"
	"fmt"
	"strconv"

	"example.com/tokens"
)

// ErrEnd reports an expression that breaks off.
var ErrEnd = errors.New("calc: the expression breaks off")

// ErrZero reports a division by zero.
var ErrZero = errors.New("calc: division by zero")

type parser struct {
	rest []tokens.Token
	vars map[string]int
}

// Eval computes src, with the values of its names in vars.
func Eval(src string, vars map[string]int) (int, error) {
	toks, err := tokens.Scan(src)
	if err != nil {
		return 0, err
	}
	p := &parser{toks, vars}
	v, err := p.sum()
	if err == nil && len(p.rest) > 0 {
		err = fmt.Errorf("calc: unexpected %v at offset %d", p.rest[0], p.rest[0].Pos)
	}
	return v, err
}

// accept takes the next token when it is one of the operators.
func (p *parser) accept(ops ...string) (string, bool) {
	if len(p.rest) == 0 || p.rest[0].Kind != tokens.Operator {
		return "", false
	}
	for _, op := range ops {
		if p.rest[0].Text == op {
			p.rest = p.rest[1:]
			return op, true
		}
	}
	return "", false
}

func (p *parser) sum() (int, error) {
	v, err := p.product()
	for err == nil {
		op, ok := p.accept("+", "-")
		if !ok {
			break
		}
		var w int
		w, err = p.product()
		if op == "-" {
			w = -w
		}
		v += w
	}
	return v, err
}

func (p *parser) product() (int, error) {
	v, err := p.atom()
	for err == nil {
		op, ok := p.accept("*", "/")
		if !ok {
			break
		}
		var w int
		if w, err = p.atom(); err != nil {
			break
		}
		switch {
		case op == "*":
			v *= w
		case w == 0:
			err = ErrZero
		default:
			v /= w
		}
	}
	return v, err
}

func (p *parser) atom() (int, error) {
	if _, ok := p.accept("("); ok {
		v, err := p.sum()
		if _, closed := p.accept(")"); err == nil && !closed {
			err = ErrEnd
		}
		return v, err
	}
	if len(p.rest) == 0 {
		return 0, ErrEnd
	}
	t := p.rest[0]
	p.rest = p.rest[1:]
	switch t.Kind {
	case tokens.Number:
		return strconv.Atoi(t.Text)
	case tokens.Name:
		if v, ok := p.vars[t.Text]; ok {
			return v, nil
		}
		return 0, fmt.Errorf("calc: unknown name %q", t.Text)
	}
	return 0, fmt.Errorf("calc: unexpected %v at offset %d", t, t.Pos)
}

// Package tokens cuts arithmetic expressions into tokens.
package tokens

import "fmt"

// Kind says what a token is.
type Kind int

// The kinds of tokens.
const (
	Number Kind = iota
	Name
	Operator // one of + - * / ( )
)

func (k Kind) String() string {
	return [...]string{"number", "name", "operator"}[k]
}

// Token is a piece of the source.
type Token struct {
	Kind Kind
	Text string
	Pos  int // offset in the source, in bytes
}

func (t Token) String() string { return fmt.Sprintf("%v %q", t.Kind, t.Text) }

package kernel

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// tokenRoot is where tokens stand in the ledger: what holds one works from
// outside.
const tokenRoot = workerRoot + "/token"

// The limits of tokens.
const (
	maxTokens    = 1000 // that could be used at once
	maxTokenName = 60   // bytes
	maxTokenLife = 366 * 24 * time.Hour
)

// Token lets automation call the daemon with some capabilities, for some time.
// The ledger has the hash of its secret, never the secret.
type Token struct {
	ID      string // "t57"
	Name    string
	Kind    CallerKind // KindProcess or KindAgent
	Caps    Caps
	By      string // who made it
	Made    time.Time
	Expires time.Time
	State   string // "valid", "expired", "revoked"

	sum string
}

// caller is who the token's holder is.
func (t Token) caller() Caller { return Caller{Name: "token:" + t.Name, Kind: t.Kind, Caps: t.Caps} }

// TokenRequest makes a token. Sum is the SHA-256 of a secret that the caller
// drew and alone knows.
type TokenRequest struct {
	Name string
	Kind CallerKind // "" is KindProcess
	Caps Caps
	TTL  time.Duration
	Sum  [32]byte
}

// NewToken records a token. Denied: without the capability admin.
func (k *Kernel) NewToken(ctx context.Context, c Caller, r TokenRequest) (Token, error) {
	if err := c.needs(CapAdmin, "token", tokenRoot); err != nil {
		return Token{}, err
	}
	if r.Kind == "" {
		r.Kind = KindProcess
	}
	invalid := func(msg, hint string) (Token, error) {
		return Token{}, &rmg.Error{Op: "token", Code: rmg.Invalid, Msg: msg, Hint: hint}
	}
	switch {
	case r.Name == "" || len(r.Name) > maxTokenName || strings.Trim(r.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "":
		return invalid(fmt.Sprintf("%q is no name for a token", r.Name), "letters, digits, -, _ and .; at most 60")
	case r.Kind != KindProcess && r.Kind != KindAgent:
		return invalid(fmt.Sprintf("a token is of no %q", r.Kind), "use process or agent")
	case r.Caps == 0:
		return invalid("a token without capabilities can do nothing", "--cap "+strings.Join(capNames(), ","))
	case r.TTL <= 0 || r.TTL > maxTokenLife:
		return invalid(fmt.Sprintf("a token cannot last %s", r.TTL), fmt.Sprintf("--ttl from 1s to %s", maxTokenLife))
	}
	var id string
	_, err := k.systemWith(ctx, c.Name, "token", "token "+r.Name+" with "+r.Caps.String(), func(f *fold, seq uint64) ([]rewrite.Op, error) {
		var ops []rewrite.Op
		if _, ok := f.ledger.Get(tokenRoot); !ok {
			ops = append(ops, addOp(tokenRoot, rewrite.KindDir, nil))
		}
		n := 0
		for _, t := range readTokens(f.ledger, k.lastAt) {
			if t.State != "valid" {
				continue
			}
			if n++; t.Name == r.Name {
				return nil, &rmg.Error{Op: "token", Code: rmg.Exists, Msg: fmt.Sprintf("there is a token %s", r.Name), Hint: "jitos token revoke " + t.ID}
			}
		}
		if n >= maxTokens {
			return nil, &rmg.Error{Op: "token", Code: rmg.Limit, Msg: fmt.Sprintf("there are %d tokens, which is the limit", n), Hint: "jitos token revoke ID"}
		}
		id = fmt.Sprintf("t%d", seq)
		return append(ops, addOp(tokenRoot.Child(id), kindToken, map[string]rmg.Value{
			"name": rmg.String(r.Name), "kind": rmg.String(string(r.Kind)), "caps": textList(r.Caps.Names()), "sha256": rmg.String(hex.EncodeToString(r.Sum[:])),
			"by": rmg.String(c.Name), "at_ms": rmg.Int(k.lastAt.UnixMilli()), "expires_ms": rmg.Int(k.lastAt.Add(r.TTL).UnixMilli()),
		})), nil
	})
	if err != nil {
		return Token{}, err
	}
	return k.token(id)
}

// Tokens lists the tokens there ever were, oldest first.
func (k *Kernel) Tokens() []Token { return readTokens(k.now().ledger, k.opt.Clock.Now()) }

func readTokens(ledger rmg.Graph, now time.Time) []Token {
	e, ok := ledger.Get(tokenRoot)
	if !ok {
		return nil
	}
	var out []Token
	for n := range e.Graph.Nodes("") {
		p := n.Props
		t := Token{
			ID: n.ID, Name: p.String("name"), Kind: CallerKind(p.String("kind")), By: p.String("by"), sum: p.String("sha256"),
			Made: time.UnixMilli(p.Int("at_ms")).UTC(), Expires: time.UnixMilli(p.Int("expires_ms")).UTC(), State: "valid",
		}
		caps, err := ParseCaps(texts(p, "caps"))
		if t.Caps = caps; err != nil {
			t.Caps = 0 // of a later version; what it knew is not guessed at
		}
		switch {
		case p.Bool("revoked"):
			t.State = "revoked"
		case !now.Before(t.Expires):
			t.State = "expired"
		}
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b Token) int { return compareIDs(a.ID, b.ID) })
	return out
}

func (k *Kernel) token(id string) (Token, error) {
	for _, t := range k.Tokens() {
		if t.ID == id || t.Name == id && t.State == "valid" {
			return t, nil
		}
	}
	return Token{}, &rmg.Error{Op: "token", Code: rmg.NotFound, Msg: fmt.Sprintf("there is no token %q", id), Hint: "jitos token list"}
}

// RevokeToken ends a token, by its id or name, at once.
func (k *Kernel) RevokeToken(ctx context.Context, c Caller, id string) (Token, error) {
	once, err := onceOf(c, "revoke", id)
	if err != nil {
		return Token{}, err
	}
	if err := c.needs(CapAdmin, "token", tokenRoot); err != nil {
		return Token{}, err
	}
	t, err := k.token(id)
	if err != nil {
		return Token{}, err
	}
	if _, done, err := k.answered(once); done || err != nil {
		return t, err
	}
	_, err = k.systemOnce(ctx, once, c.Name, "token", "token "+t.Name+" is revoked", func(f *fold, _ uint64) ([]rewrite.Op, error) {
		return []rewrite.Op{setOp(tokenRoot.Child(t.ID), map[string]rmg.Value{"revoked": rmg.Bool(true)})}, nil
	})
	if err != nil {
		return Token{}, err
	}
	return k.token(t.ID)
}

// TokenCaller recognises the secret of a token that is valid now.
func (k *Kernel) TokenCaller(secret string) (Caller, bool) {
	sum := sha256.Sum256([]byte(secret))
	text := hex.EncodeToString(sum[:])
	for _, t := range k.Tokens() {
		if subtle.ConstantTimeCompare([]byte(t.sum), []byte(text)) == 1 && t.State == "valid" {
			return t.caller(), true
		}
	}
	return Caller{}, false
}

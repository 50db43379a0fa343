package kernel

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// A client that lost the answer cannot know whether its request was applied. It
// sends it again under the same key: the key stands in the record that was the
// answer, so that the fold knows it, and a restart does too.

// Keys of requests in the ledger: /once/<generation>/<who and key, hashed>.
const (
	onceRoot = rmg.Path("/once")
	kindOnce = "Once"

	propOnceSeq  = "seq"
	propOnceBody = "body"
)

// The limits of keys.
const (
	maxKey     = 255  // bytes of a key
	onceWindow = 8192 // records that a key is known for at least; for twice as many at most
)

// Once is what a resend of a request is known by; the zero value is none.
type Once struct {
	Key  [32]byte // who asks, under which key
	Body [32]byte // what for
}

// onceOf makes the Once of a caller's request. body is all that the request
// says, of types that JSON knows. Invalid: the key is none.
func onceOf(c Caller, verb string, body any) (Once, error) {
	if c.Key == "" {
		return Once{}, nil
	}
	if len(c.Key) > maxKey || strings.ContainsFunc(c.Key, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
		return Once{}, &rmg.Error{
			Op: verb, Code: rmg.Invalid, Msg: fmt.Sprintf("an idempotency key has 1 to %d printable ASCII characters without spaces", maxKey),
			Hint: "a random one for each request does: uuidgen",
		}
	}
	said, err := json.Marshal([]any{verb, body})
	if err != nil {
		return Once{}, &rmg.Error{Op: verb, Code: rmg.Invalid, Msg: "the request cannot be written as JSON", Err: err}
	}
	who := strings.Join([]string{string(c.kind()), c.Name, c.Process, c.Key}, "\x00")
	return Once{sha256.Sum256([]byte(who)), sha256.Sum256(said)}, nil
}

// generation is the node that the keys of a record's time stand in. It sorts as
// its number does.
func generation(seq uint64) string { return fmt.Sprintf("%016x", seq/onceWindow) }

// seen returns the seq of the record that a request led to before; 0 if there is
// none, or none that is remembered. Conflict: the key was for something else.
func (o Once) seen(ledger rmg.Graph) (uint64, error) {
	if o == (Once{}) {
		return 0, nil
	}
	root, _ := ledger.Get(onceRoot)
	id := hex.EncodeToString(o.Key[:])
	for g := range root.Graph.Nodes("") {
		e, ok := g.Graph.Node(id)
		if !ok {
			continue
		}
		seq := uint64(e.Props.Int(propOnceSeq))
		if v, _ := e.Props.Get(propOnceBody); !v.Equal(rmg.Bytes(o.Body[:])) {
			return 0, &rmg.Error{
				Op: "repeat", Code: rmg.Conflict, Msg: fmt.Sprintf("the idempotency key was used for another request, which is record %d", seq),
				Hint: "take a new key for each request, and the same one only to send it again",
			}
		}
		return seq, nil
	}
	return 0, nil
}

// noted returns the ledger with a record's key in it, and without those that are
// too old to be kept.
func (o Once) noted(ledger rmg.Graph, seq uint64) (rmg.Graph, error) {
	if o == (Once{}) {
		return ledger, nil
	}
	l := rmg.NewOverlay(ledger)
	now := onceRoot.Child(generation(seq))
	if _, ok := l.Get(now); !ok {
		if err := turned(l, now, seq); err != nil {
			return ledger, err
		}
	}
	err := l.AddNode(now.Child(hex.EncodeToString(o.Key[:])), kindOnce, rmg.PropsOf(map[string]rmg.Value{
		propOnceSeq: rmg.Int(int64(seq)), propOnceBody: rmg.Bytes(o.Body[:]),
	}))
	return l.Graph(), err
}

// turned begins a generation: all but the one before it go.
func turned(l *rmg.Overlay, now rmg.Path, seq uint64) error {
	root, ok := l.Get(onceRoot)
	if !ok {
		if err := l.AddNode(onceRoot, rewrite.KindDir, rmg.Props{}); err != nil {
			return err
		}
	}
	for g := range root.Graph.Nodes("") {
		if seq < onceWindow || g.ID < generation(seq-onceWindow) {
			if err := l.Remove(onceRoot.Child(g.ID), true); err != nil {
				return err
			}
		}
	}
	return l.AddNode(now, rewrite.KindDir, rmg.Props{})
}

// repeated is how the writer says that a request was answered before.
type repeated struct{ seq uint64 }

// Error says so.
func (r repeated) Error() string { return fmt.Sprintf("it is record %d already", r.seq) }

// answered returns the first receipt of a request that was applied before, if it
// was. It is asked before anything is judged: what a request was allowed then, or
// expected, need not hold any more.
func (k *Kernel) answered(o Once) (Receipt, bool, error) {
	seq, err := o.seen(k.now().ledger)
	if err != nil || seq == 0 {
		return Receipt{}, false, err
	}
	r, err := k.receiptOf(seq)
	return r, err == nil, err
}

// orFirst turns the writer's word that a request is a resend into the receipt
// that was its answer.
func (k *Kernel) orFirst(a answer) (Receipt, error) {
	if r := (repeated{}); errors.As(a.err, &r) {
		return k.receiptOf(r.seq)
	}
	return a.receipt, a.err
}

// receiptOf makes the receipt of a record from the log.
func (k *Kernel) receiptOf(seq uint64) (Receipt, error) {
	t, err := k.tickOf(seq)
	if err != nil {
		return Receipt{}, err
	}
	out := Receipt{Seq: seq, Tick: t.number, Digest: t.world}
	var of, last Version
	for _, r := range t.records {
		v, err := ParseVersion(r.View)
		if err != nil {
			return Receipt{}, err
		}
		if r.Seq == seq {
			of = v
		}
		if v == of && v.Space != "" {
			last = Version{Space: v.Space, At: r.Seq}
		}
	}
	if of.Space == "" {
		return out, nil
	}
	h, err := k.openHead(last)
	if err != nil {
		return Receipt{}, err
	}
	return out, guarded(func() error { out.Digest = h.world.Digest(); return nil })
}

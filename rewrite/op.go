package rewrite

import "jitos.dev/rmg"

// OpKind names a primitive change.
type OpKind string

// The ops.
const (
	AddNode   OpKind = "add_node"
	AddEdge   OpKind = "add_edge"
	Set       OpKind = "set"
	Retype    OpKind = "retype"
	Inc       OpKind = "inc"
	SetAdd    OpKind = "set_add"
	SetRemove OpKind = "set_remove"
	Move      OpKind = "move"
	Remove    OpKind = "remove"
	Write     OpKind = "write"
)

// OpKinds lists the ops there are.
func OpKinds() []OpKind {
	return []OpKind{AddNode, AddEdge, Set, Retype, Inc, SetAdd, SetRemove, Move, Remove, Write}
}

// Op is one primitive change. Which fields count depends on Op:
//
//	{"op":"add_node","path":"/svc/auth","kind":"Service","props":{"lang":"go"}}
//	{"op":"add_edge","path":"/svc/~auth-db","kind":"depends_on","from":"auth","to":"db"}
//	{"op":"set","path":"/svc/auth","props":{"version":2,"old":null}}
//	{"op":"retype","path":"/svc/auth","kind":"Gateway"}
//	{"op":"inc","path":"/svc/auth","prop":"hits","by":1}
//	{"op":"set_add"|"set_remove","path":"/svc/auth","prop":"tags","value":"x"}
//	{"op":"move","path":"/svc/auth","to":"/old/auth"}
//	{"op":"remove","path":"/svc/auth","cascade":true}
//	{"op":"write","path":"/repo/app/main/a.txt","text":"..."|"base64":"..."|"blob":"<sha256>","mode":"0644"}
type Op struct {
	Op      OpKind
	Path    rmg.Path
	Kind    string               // add_node, add_edge, retype
	From    string               // add_edge: raw id
	To      string               // add_edge: raw id; move: use Dest
	Dest    rmg.Path             // move ("to" on the wire)
	Props   map[string]rmg.Value // add_*, set; in set the zero Value (null) removes
	Prop    string               // inc, set_add, set_remove
	By      int64                // inc
	Value   rmg.Value            // set_add, set_remove
	Cascade bool                 // remove

	// write: exactly one of Text (with HasText), Bytes (with HasBytes), Blob.
	// A resolved write has Blob, which a record always holds.
	Text     string
	HasText  bool
	Bytes    []byte
	HasBytes bool
	Blob     rmg.Blob
	Mode     string // "0644", "0755"; "" keeps the mode, or 0644 for a new file
}

// Rewrite is a list of ops that applies whole or not at all.
type Rewrite struct {
	Ops    []Op   `json:"ops"`
	Expect Expect `json:"expect,omitzero"`
	Reason string `json:"reason,omitempty"`
}

// Expect is what the submitter believes; if it does not hold the answer is
// Stale. Zero fields are not checked.
type Expect struct {
	Digest rmg.Digest `json:"digest,omitzero"` // of the view's world
	Seq    uint64     `json:"seq,omitempty"`   // the view's last record
}

// The limits of a rewrite.
const (
	MaxOps  = 200_000
	MaxText = 1 << 20 // bytes of a text or base64 in one write op; larger content is put as a blob first
)

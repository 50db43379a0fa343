package rewrite

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"jitos.dev/rmg"
)

// TestEncodeOpsIsMarshalCBOR holds the encoder of records, byte by byte, against
// the one by reflection.
func TestEncodeOpsIsMarshalCBOR(t *testing.T) {
	long := strings.Repeat("x", 300)
	values := map[string]rmg.Value{
		"b": rmg.Int(-1), "aa": rmg.String(long), "a": {}, long[:24]: rmg.Bool(true), long[:23]: rmg.Bytes([]byte{0, 255}),
		"list": rmg.List(rmg.Int(1), rmg.String("x")), "n": rmg.Int(math.MinInt64), "m": rmg.Int(math.MaxInt64), "z": rmg.Int(0), "c": rmg.Int(24),
	}
	blob := rmg.Blob{Sum: [32]byte{1, 2}, Size: 70_000}
	ops := []Op{
		{Op: AddNode, Path: "/a", Kind: "K"},
		{Op: AddNode, Path: "/a", Kind: "K", Props: values},
		{Op: AddEdge, Path: "/a/~e", Kind: "K", From: "\xff", To: long, Props: map[string]rmg.Value{}},
		{Op: Set, Path: "/a", Props: values},
		{Op: Set, Path: "/a", Props: map[string]rmg.Value{"x": {}}},
		{Op: Retype, Path: rmg.Path("/" + long), Kind: long},
		{Op: Inc, Path: "/a", Prop: "p", By: math.MinInt64},
		{Op: Inc, Path: "/a", Prop: "p", By: 255},
		{Op: Inc, Path: "/a", Prop: "p", By: 65_536},
		{Op: SetAdd, Path: "/a", Prop: "p", Value: rmg.Int(7)},
		{Op: SetRemove, Path: "/a", Prop: "p", Value: rmg.String("")},
		{Op: Move, Path: "/a", Dest: "/b"},
		{Op: Remove, Path: "/a", Cascade: true},
		{Op: Write, Path: "/a", Blob: blob, Mode: "0755"},
		{Op: Write, Path: "/a", Blob: rmg.Blob{}},
		{Op: Write, Path: "/a", HasText: true, Mode: "0644"},
		{Op: Write, Path: "/a", HasText: true, Text: long},
		{Op: Write, Path: "/a", HasBytes: true, Bytes: []byte(long)},
	}
	for n := range len(ops) + 1 {
		want, err := encMode.Marshal(ops[:n])
		if err != nil {
			t.Fatal(err)
		}
		got := rmg.Encoder("before")
		EncodeOps(&got, ops[:n])
		if !bytes.Equal(got, append([]byte("before"), want...)) {
			t.Fatalf("%d ops, the last %+v:\n got %x\nwant %x", n, ops[max(0, n-1)], got[6:], want)
		}
	}
}

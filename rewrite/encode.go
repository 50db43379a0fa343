package rewrite

import "jitos.dev/rmg"

// EncodeOps writes ops as a record holds them: what MarshalCBOR writes of each,
// in an array. They are by far most of what is encoded for the log, and are
// written without reflection for that.
func EncodeOps(e *rmg.Encoder, ops []Op) {
	e.Array(len(ops))
	for i := range ops {
		encodeOp(e, &ops[i])
	}
}

// encodeOp writes a map of the fields that are not empty, as cborOp has them:
// their keys stand in order.
func encodeOp(e *rmg.Encoder, o *Op) {
	hasBlob := o.Op == Write && !o.HasText && !o.HasBytes
	n := 2
	for _, has := range [...]bool{
		o.Kind != "", o.From != "", o.To != "", o.Dest != "", len(o.Props) > 0, o.Prop != "", o.By != 0, o.Value.Type() != rmg.TypeNone,
		o.Cascade, hasBlob, hasBlob && o.Blob.Size != 0, o.Mode != "", o.HasText || o.HasBytes,
	} {
		if has {
			n++
		}
	}
	e.Map(n)
	e.Uint(0)
	e.String(string(o.Op))
	e.Uint(1)
	e.String(string(o.Path))
	text := func(key uint64, s string) {
		if s != "" {
			e.Uint(key)
			e.String(s)
		}
	}
	text(2, o.Kind)
	for i, id := range [...]string{o.From, o.To} {
		if id != "" {
			e.Uint(uint64(3 + i))
			e.Text(id)
		}
	}
	text(5, string(o.Dest))
	if len(o.Props) > 0 {
		e.Uint(6)
		e.Props(o.Props)
	}
	text(7, o.Prop)
	if o.By != 0 {
		e.Uint(8)
		e.Int(o.By)
	}
	if o.Value.Type() != rmg.TypeNone {
		e.Uint(9)
		e.Value(o.Value)
	}
	if o.Cascade {
		e.Uint(10)
		e.Bool(true)
	}
	if hasBlob {
		e.Uint(11)
		e.Bytes(o.Blob.Sum[:])
		if o.Blob.Size != 0 {
			e.Uint(12)
			e.Int(o.Blob.Size)
		}
	}
	text(13, o.Mode)
	switch {
	case o.HasText:
		e.Uint(14)
		e.String(o.Text)
	case o.HasBytes:
		e.Uint(15)
		e.Bytes(o.Bytes)
	}
}

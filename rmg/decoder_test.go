package rmg_test

import (
	"testing"

	"pgregory.net/rapid"

	"jitos.dev/rmg"
)

// A decoder takes a path exactly if ParsePath gives it back as it is.
func TestDecoderPaths(t *testing.T) {
	part := rapid.SampledFrom([]string{"/", "/", "a", "~", ":", "1", "%7E", "%2F", "%", "é", "\x01", "b c"})
	rapid.Check(t, func(t *rapid.T) {
		s := "/"
		for _, p := range rapid.SliceOfN(part, 0, 8).Draw(t, "parts") {
			s += p
		}
		if rapid.Bool().Draw(t, "no slash") {
			s = s[1:]
		}
		p, err := rmg.ParsePath(s)
		b, _ := rmg.String(s).MarshalCBOR()
		d := rmg.NewDecoder(b)
		got := d.Path()
		if want := err == nil && string(p) == s; want != (d.End() == nil) || want && got != p {
			t.Fatalf("%q: %q, %v; ParsePath says %q, %v", s, got, d.End(), p, err)
		}
	})
}

// A decoder reads what was written, and refuses what is cut off or longer.
func TestDecoderReadsItems(t *testing.T) {
	data, err := rmg.Map(map[string]rmg.Value{"a": rmg.Int(-5), "b": rmg.Bytes([]byte("x")), "cc": rmg.List(rmg.Bool(true))}).MarshalCBOR()
	if err != nil {
		t.Fatal(err)
	}
	read := func(data []byte) (*rmg.Decoder, map[string]rmg.Value) {
		d := rmg.NewDecoder(data)
		return d, d.Props()
	}
	d, got := read(data)
	if n, _ := got["a"].AsInt(); d.End() != nil || n != -5 || len(got) != 3 {
		t.Fatal(got, d.End())
	}
	for n := range len(data) {
		if d, _ := read(data[:n]); d.End() == nil {
			t.Errorf("the first %d bytes are taken for the whole", n)
		}
	}
	if d, _ := read(append(data, 0)); d.End() == nil {
		t.Error("a byte that is left over is not seen")
	}
	d = rmg.NewDecoder([]byte{0xa2, 2, 0, 1, 0}) // {2: 0, 1: 0}
	d.Fields(func(uint64) bool { d.Uint(); return true })
	if d.End() == nil {
		t.Error("keys that are not in order are taken")
	}
	d = rmg.NewDecoder([]byte{0xa1, 1, 0})
	d.Fields(func(uint64) bool { return false })
	if d.End() == nil {
		t.Error("an unknown key is taken")
	}
}

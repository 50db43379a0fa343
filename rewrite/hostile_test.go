package rewrite_test

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"jitos.dev/rewrite"
)

// bounded runs fn, and fails if that allocated more than 300 times the input,
// and the buffers that any input takes.
func bounded(t testing.TB, input int, fn func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	if got, most := after.TotalAlloc-before.TotalAlloc, uint64(256<<10+300*input); got > most {
		t.Errorf("%d bytes of input made it allocate %d; %d would be right", input, got, most)
	}
}

// Ops that say more than they hold, nest without end, or are much work for each
// byte: no panic, and no more memory than they are worth.
func TestHostileOps(t *testing.T) {
	const n = 1 << 16
	set := func(value string) string { return `{"op":"set","path":"/a","props":{"x":` + value + `}}` }
	for name, in := range map[string]string{
		"nothing": "", "lists in lists": set(strings.Repeat("[", n)), "maps in maps": set(strings.Repeat(`{"a":`, n/5)), "zeros": set("[" + strings.Repeat("0,", n/2) + "0]"),
		"empty lists": set("[" + strings.Repeat("[],", n/3) + "[]]"), "a long path": `{"op":"remove","path":"` + strings.Repeat("/a", n/2) + `"}`,
		"a long name": `{"op":"` + strings.Repeat("x", n) + `"}`, "many fields": `{"op":"remove"` + strings.Repeat(`,"x":0`, n/6) + `}`,
		"base64": `{"op":"write","path":"/a","base64":"` + strings.Repeat("AAAA", n/4) + `"}`, "a number": set(strings.Repeat("9", n)),
		"CBOR map of 2^32": "\xbb\x00\x00\x00\x01\x00\x00\x00\x00", "CBOR map of a million": "\xba\x00\x0f\x42\x40", "CBOR lists in lists": "\xa1\x09" + strings.Repeat("\x81", n),
		"CBOR bytes of 2^62": "\xa1\x0f\x5b\x40\x00\x00\x00\x00\x00\x00\x00", "CBOR text of 2^31": "\xa1\x01\x7a\x80\x00\x00\x00x", "CBOR props": "\xa1\x06\xba\x00\x0f\x42\x40" + strings.Repeat("\x61a\x00", n/3),
		"CBOR value": "\xa1\x09\x9a\x00\x0f\x00\x00" + strings.Repeat("\x80", n), "CBOR zeros": strings.Repeat("\x00", n), "CBOR ones": strings.Repeat("\xff", n),
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			bounded(t, len(in), func() { _ = new(rewrite.Op).UnmarshalJSON([]byte(in)) })
			bounded(t, len(in), func() { _ = new(rewrite.Op).UnmarshalCBOR([]byte(in)) })
			bounded(t, len(in), func() { _ = json.Unmarshal([]byte(`{"ops":[`+in+`]}`), new(rewrite.Rewrite)) })
		})
	}
}

// Of several fields that an op does not have it is always the same that is told.
func TestUnknownFieldsAreToldInOrder(t *testing.T) {
	for range 20 {
		err := new(rewrite.Op).UnmarshalJSON([]byte(`{"op":"remove","path":"/a","z":1,"y":1,"x":1,"w":1}`))
		if err == nil || !strings.Contains(err.Error(), `no field "w"`) {
			t.Fatal(err)
		}
	}
}

// FuzzRewriteJSON reads whole rewrites, with what they expect.
func FuzzRewriteJSON(f *testing.F) {
	for _, op := range world {
		f.Add([]byte(`{"ops":[` + op + `],"expect":{"seq":3},"reason":"x"}`))
	}
	for op := range refusals {
		f.Add([]byte(`{"ops":[` + op + `]}`))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var rw rewrite.Rewrite
		var err error
		bounded(t, len(data), func() { err = json.Unmarshal(data, &rw) })
		if err != nil {
			return
		}
		for _, op := range rw.Ops {
			if _, err := op.MarshalJSON(); err != nil {
				return // the zero Op: a null in the list
			}
		}
		raw, err := json.Marshal(rw)
		var back rewrite.Rewrite
		if err != nil || json.Unmarshal(raw, &back) != nil || back.Expect != rw.Expect || back.Reason != rw.Reason || len(back.Ops) != len(rw.Ops) {
			t.Fatalf("%q is read, and written %s: %v", data, raw, err)
		}
	})
}

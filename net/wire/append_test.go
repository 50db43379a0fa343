package wire_test

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// What writes itself writes what encoding/json makes of the same.
func TestAppendJSON(t *testing.T) {
	texts := []string{"", "a", "/svc/n1", "<&>", `"\`, "é\u2028", "\x00\x1f\x7f", "\xff", "a b"}
	encoded := func(v any) string {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for i, one := range texts {
		two := texts[(i+1)%len(texts)]
		r := wire.Receipt{Seq: uint64(i), Tick: math.MaxUint64, Digest: rmg.Digest{byte(i), 255}}
		if got := string(r.AppendJSON(nil)) + "\n"; got != encoded(r) {
			t.Errorf("%s, not %s", got, encoded(r))
		}
		a := wire.GraphAnswer{
			View: one, Seq: math.MaxUint64, Digest: rmg.Digest{7}, Path: rmg.Path(two), Next: one,
			Element: wire.Element{ID: rmg.ID(one), Kind: two, From: rmg.ID(two), To: rmg.ID(one), Props: rmg.PropsOf(map[string]rmg.Value{
				"t": rmg.String(two), "u": rmg.Int(int64(i)), "o" + two: rmg.Bool(true),
			})},
		}
		got, err := a.AppendJSON([]byte("x"))
		if err != nil || string(got)+"\n" != "x"+encoded(a) {
			t.Errorf("%s, not %s; %v", got, encoded(a), err)
		}
	}
}

package work

import (
	"errors"
	"strings"
	"testing"

	"jitos.dev/rmg"
)

// A host has one form, and what a resolver could take for an address is none.
func TestParseHost(t *testing.T) {
	for in, want := range map[string]string{
		"api.example.com:443": "api.example.com:443", "API.Example.COM.:443": "api.example.com:443", "localhost:8080": "localhost:8080",
		"192.0.2.7:80": "192.0.2.7:80", "a_b.xn--bcher-kva.example:1": "a_b.xn--bcher-kva.example:1",
	} {
		if got, err := ParseHost(in); err != nil || got != want {
			t.Errorf("%q is %q, %v", in, got, err)
		}
	}
	for _, in := range []string{
		"", "example.com", ":80", "example.com:", "example.com:0", "example.com:080", "example.com:65536", "example.com:+80", "example.com:http",
		"a..b:80", ".a:80", "a:80:80", "a b:80", "bücher.example:80", "[::1]:80", "::1:80", "*.example.com:443", "user@example.com:80",
		"127.1:80", "2130706433:80", "0x7f000001:80", "0x7f.1:80", "127.0.0.01:80", "1.2.3.256:80", "example.com..:80",
		"a\x00.example:80", "a%2eexample:80", strings.Repeat("a", 64) + ".example:80", strings.Repeat("a.", 130) + "example:80",
	} {
		if got, err := ParseHost(in); !errors.Is(err, &rmg.Error{Code: rmg.Invalid}) {
			t.Errorf("%q is %q, %v", in, got, err)
		}
	}
	if _, err := ParseHosts([]string{"A.example:1", "a.example:1"}); !errors.Is(err, &rmg.Error{Code: rmg.Invalid}) {
		t.Errorf("twice the same: %v", err)
	}
	if _, err := ParseHosts(make([]string, maxHosts+1)); !errors.Is(err, &rmg.Error{Code: rmg.Limit}) {
		t.Errorf("too many: %v", err)
	}
}

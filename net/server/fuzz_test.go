package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzRequests throws bodies and queries at every call: nothing may panic, and
// every answer has a status of the contract.
func FuzzRequests(f *testing.F) {
	for i, seed := range []string{
		`{"ops":[{"op":"add_node","path":"/svc/auth","kind":"Service","props":{"n":1.0,"b":{"$bytes":"AA=="}}}]}`,
		`{"view":"sws:w5","ops":[{"op":"write","path":"/repo/a/b/c","text":"x","mode":"0644"}],"expect":{"seq":1}}`,
		`{"from":"seq:1","dir":"/"}`, `{"argv":["ls","-l"]}`, `{"land":"branch"}`, `{"reason":"x"}`,
		`{"text":"fix the bug in X","repo":"/x"}`, `{"slaps":{"slaps_version":"1","intent":"FixBug"}}`,
		`{"ops":[[[[[[`, `{"ops":[{"op":"set","path":"/a","props":{"x":null}}]} x`, "\xff\xfe", `null`, `[]`, `"x"`,
	} {
		f.Add(uint8(i), seed, "view=system&path=/&depth=2")
	}
	f.Add(uint8(1), "", "cursor=eyJ2IjoiIiwicCI6Ii8iLCJuIjoiYSJ9")
	f.Add(uint8(1), "", "select=/svc/*[n>=1]&limit=1&cursor=eyJ2IjoiIiwicyI6Ii8qIiwiYSI6Ii9hIn0")
	f.Add(uint8(19), "", "from=1&to=0&limit=1000&path=/%2525")
	s, err := New(Options{Kernel: newFake(3), Secret: secret})
	if err != nil {
		f.Fatal(err)
	}
	known := map[int]bool{200: true, 202: true, 304: true, 400: true, 404: true, 409: true, 413: true, 429: true}
	f.Fuzz(func(t *testing.T, which uint8, body, query string) {
		c := s.calls[int(which)%len(s.calls)]
		if c.id == "events" { // has no end
			return
		}
		r := httptest.NewRequest(c.method, strings.ReplaceAll(c.path, "{id}", "w5"), strings.NewReader(body))
		if c.id == "process-log" {
			query = "follow=false&" + query
		}
		r.URL.RawQuery = query
		r.Host = "localhost"
		r.Header.Set("Authorization", "Bearer "+secret)
		// Headers are a stranger's words like any other.
		r.Header.Set("If-None-Match", query)
		r.Header.Set("Accept-Encoding", body)
		r.Header.Set("X-Request-Id", query)
		w := do(s, r)
		if id := w.Header().Get("X-Request-Id"); id == "" || len(id) > maxRequestName {
			t.Fatalf("%s %s: the request is named %q", c.method, c.path, id)
		}
		if !known[w.Code] {
			t.Fatalf("%s %s?%s: %d %s", c.method, c.path, query, w.Code, w.Body)
		}
		if w.Code >= http.StatusBadRequest && !strings.Contains(w.Body.String(), `"code":"`) {
			t.Fatalf("%s %s?%s: %d %s", c.method, c.path, query, w.Code, w.Body)
		}
	})
}

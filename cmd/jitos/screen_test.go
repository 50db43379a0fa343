package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

// patience is how long a screen is waited for that may never show what it should: no
// test that succeeds depends on it.
const patience = 2 * time.Minute

// screen is what a program shows on a terminal.
type screen struct {
	t    *testing.T
	far  *os.File
	came chan []byte // closed when nobody has the terminal open any more
	seen bytes.Buffer
}

// watch begins to read the far end of a terminal.
func watch(t *testing.T, far *os.File) *screen {
	s := &screen{t: t, far: far, came: make(chan []byte, 64)}
	go func() {
		defer close(s.came)
		for {
			buf := make([]byte, 4096)
			n, err := far.Read(buf)
			if err != nil {
				return
			}
			s.came <- buf[:n]
		}
	}()
	return s
}

// await reads until is is true of what was seen.
func (s *screen) await(what string, is func(seen string) bool) {
	s.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for !is(s.seen.String()) {
		select {
		case b, more := <-s.came:
			if !more {
				s.t.Fatalf("the program ended before %q; on the screen is %q", what, s.seen.String())
			}
			s.seen.Write(b)
		case <-late.C:
			s.t.Fatalf("%q did not come; on the screen is %q", what, s.seen.String())
		}
	}
}

// until reads until a text is shown, and forgets what stands before it.
func (s *screen) until(text string) {
	s.t.Helper()
	s.await(text, func(seen string) bool { return strings.Contains(seen, text) })
	s.seen.Next(strings.Index(s.seen.String(), text) + len(text))
}

// rest reads until nobody has the terminal open.
func (s *screen) rest() string {
	s.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case b, more := <-s.came:
			if !more {
				return s.seen.String()
			}
			s.seen.Write(b)
		case <-late.C:
			s.t.Fatalf("the program did not end; on the screen is %q", s.seen.String())
		}
	}
}

// press sends keys.
func (s *screen) press(keys string) {
	s.t.Helper()
	if _, err := s.far.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

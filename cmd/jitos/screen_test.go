package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
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

// shows reads until what is drawn on the terminal, of so many columns and lines, has
// all of some texts, and returns it.
func (s *screen) shows(columns, lines int, texts ...string) string {
	s.t.Helper()
	var drawn string
	s.await(strings.Join(texts, ", "), func(seen string) bool {
		drawn = drawnOn(columns, lines, seen)
		for _, text := range texts {
			if !strings.Contains(drawn, text) {
				return false
			}
		}
		return true
	})
	return drawn
}

// drawnOn is what a terminal shows after it was sent some text: as much of a terminal
// as programs on TERM=vt100 need.
func drawnOn(columns, lines int, sent string) string {
	grid := make([][]rune, lines)
	for i := range grid {
		grid[i] = []rune(strings.Repeat(" ", columns))
	}
	x, y, inserts := 0, 0, false
	blank := func(row, from, to int) {
		for i := from; i < to; i++ {
			grid[row][i] = ' '
		}
	}
	for sent != "" {
		r, n := utf8.DecodeRuneInString(sent)
		switch {
		case r == escape:
			n = sequence(sent)
			if strings.HasPrefix(sent, "\x1bM") {
				y--
			}
			if n < 3 || sent[n-1] < 0x40 {
				break
			}
			var p [2]int
			_, _ = fmt.Sscanf(strings.ReplaceAll(sent[2:n-1], ";", " "), "%d %d", &p[0], &p[1]) // what is missing is 0
			by := max(p[0], 1)
			switch sent[n-1] {
			case 'H':
				y, x = max(p[0], 1)-1, max(p[1], 1)-1
			case 'h', 'l':
				if sent[2:n-1] == "4" {
					inserts = sent[n-1] == 'h'
				}
			case 'P':
				grid[y] = append(slices.Delete(grid[y], min(x, columns), min(x+by, columns)), []rune(strings.Repeat(" ", min(by, columns-min(x, columns))))...)
			case 'A':
				y -= by
			case 'B':
				y += by
			case 'C':
				x += by
			case 'D':
				x -= by
			case 'K':
				switch p[0] {
				case 0:
					blank(y, min(x, columns), columns)
				case 1:
					blank(y, 0, min(x+1, columns))
				default:
					blank(y, 0, columns)
				}
			case 'J':
				if p[0] == 0 {
					blank(y, min(x, columns), columns)
				}
				for row := range grid {
					if row > y || p[0] == 2 {
						blank(row, 0, columns)
					}
				}
			}
		case r == '\r':
			x = 0
		case r == '\n':
			y++
		case r == '\b':
			x--
		case r >= ' ':
			if x < columns && inserts {
				grid[y] = slices.Insert(grid[y], x, ' ')[:columns]
			}
			if x < columns {
				grid[y][x] = r
			}
			x++
		}
		x, y = min(max(x, 0), columns), min(max(y, 0), lines-1)
		sent = sent[n:]
	}
	var out strings.Builder
	for _, row := range grid {
		out.WriteString(strings.TrimRight(string(row), " ") + "\n")
	}
	return out.String()
}

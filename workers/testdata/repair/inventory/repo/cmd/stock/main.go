// Command stock runs movements, one a line ("receive bolt 5"), and prints what
// is available afterwards.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"example.com/inventory"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "stock:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	s := inventory.New()
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if err := apply(s, lines.Text()); err != nil {
			return fmt.Errorf("%q: %w", lines.Text(), err)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	for _, a := range s.Articles() {
		fmt.Fprintln(out, a, s.Available(a))
	}
	return nil
}

func apply(s *inventory.Store, line string) error {
	var kind, article string
	var n int
	if _, err := fmt.Sscan(line, &kind, &article, &n); err != nil {
		return err
	}
	switch kind {
	case "receive":
		return s.Receive(article, n)
	case "reserve":
		return s.Reserve(article, n)
	case "ship":
		return s.Ship(article, n)
	}
	return fmt.Errorf("unknown movement %q", kind)
}

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"jitos.dev/rmg"
)

// storeRows open a stored graph, and keep a change of one.
func storeRows(n int) []measure {
	var s stored
	var failed error
	once := func() error {
		if s.file == nil && failed == nil {
			s, failed = storeOf(n)
		}
		return failed
	}
	return []measure{
		{"rmg/open/" + sizeName(n), func() (row, error) {
			if err := once(); err != nil {
				return row{}, err
			}
			return s.open()
		}},
		{"rmg/keep100/" + sizeName(n), func() (row, error) {
			if err := once(); err != nil {
				return row{}, err
			}
			defer s.close()
			return s.keep()
		}},
	}
}

// stored is a graph in a file, which the page cache may hold.
type stored struct {
	file *os.File
	size int64
	root rmg.StoredRoot
	n    int
}

func storeOf(n int) (stored, error) {
	f, err := os.CreateTemp("", "jitos-bench-*.rmg")
	if err != nil {
		return stored{}, err
	}
	s := stored{file: f, n: n}
	w := bufio.NewWriter(f)
	st := rmg.NewStore(f, w, 0)
	s.root, err = st.Put(graphOf(n))
	if err = errors.Join(err, w.Flush()); err != nil {
		s.close()
		return stored{}, err
	}
	s.size = st.Size()
	return s, nil
}

func (s *stored) close() {
	_ = s.file.Close()
	_ = os.Remove(s.file.Name())
	s.file = nil
}

// open is the time from nothing but the root's place to the first element read.
func (s *stored) open() (row, error) {
	var times []float64
	for round := range rounds {
		id := sample(s.n, 1, round+1)[0].Key()
		began := time.Now()
		g, err := rmg.NewStore(s.file, nil, s.size).Open(s.root)
		if err != nil {
			return row{}, err
		}
		if _, ok := g.Node(id); !ok {
			return row{}, fmt.Errorf("%s is missing", id)
		}
		times = append(times, float64(time.Since(began).Microseconds())/1000)
	}
	return row{Value: middle(times), Unit: "ms to the first read", N: rounds}.within(100, "<= 100 ms"), nil
}

// keep is what writing a hundred changes of a stored graph costs, beside what is
// written.
func (s *stored) keep() (row, error) {
	var times []float64
	var bytes int64
	if _, err := s.file.Seek(s.size, io.SeekStart); err != nil {
		return row{}, err
	}
	w := bufio.NewWriter(s.file)
	st := rmg.NewStore(s.file, w, s.size)
	g, err := st.Open(s.root)
	if err != nil {
		return row{}, err
	}
	for round := range rounds {
		o := overlayOf(g, sample(s.n, 100, round+1))
		next := o.Graph()
		before := st.Size()
		began := time.Now()
		if _, err := st.Put(next); err != nil {
			return row{}, err
		}
		if err := w.Flush(); err != nil {
			return row{}, err
		}
		times = append(times, float64(time.Since(began).Microseconds())/100)
		bytes = st.Size() - before
	}
	return row{Value: middle(times), Unit: fmt.Sprintf("us a key, digest and write, %d B a key", bytes/100), Holds: true, N: rounds}, nil
}

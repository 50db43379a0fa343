package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"jitos.dev/journal"
)

// logRows append frames to the log; the peer is the disk itself: a write and an
// fdatasync of the same bytes.
func logRows() []measure {
	return []measure{
		{"journal/append/1", func() (row, error) { return appendRow(1) }},
		{"journal/append/16", func() (row, error) { return appendRow(16) }},
	}
}

const frames = 200

func appendRow(records int) (row, error) {
	payload := make([]byte, 256*records)
	dir, err := os.MkdirTemp("", "bench-log-")
	if err != nil {
		return row{}, err
	}
	defer os.RemoveAll(dir)
	n := 0
	xs, err := median(func() (float64, error) {
		n++
		store, err := journal.Open(filepath.Join(dir, fmt.Sprint(n)), journal.Options{})
		if err != nil {
			return 0, err
		}
		defer store.Close()
		began := time.Now()
		for range frames {
			last, _ := store.Last()
			f := journal.Frame{Epoch: store.Epoch(), First: last + 1, Count: uint32(records), Payload: payload}
			if err := store.Append(context.Background(), f); err != nil {
				return 0, err
			}
		}
		return frames * float64(records) / time.Since(began).Seconds(), nil
	}, func() (float64, error) {
		f, err := os.Create(filepath.Join(dir, "raw"))
		if err != nil {
			return 0, err
		}
		defer f.Close()
		began := time.Now()
		for range frames {
			if _, err := f.Write(payload); err != nil {
				return 0, err
			}
			if err := unix.Fdatasync(int(f.Fd())); err != nil {
				return 0, err
			}
		}
		return frames * float64(records) / time.Since(began).Seconds(), nil
	})
	if err != nil {
		return row{}, err
	}
	return row{Value: xs[0], Unit: "records/s", Peers: map[string]float64{"write+fdatasync": xs[1]}, Must: ">= 0.5x the disk", Holds: xs[0] >= xs[1]/2, N: rounds}, nil
}

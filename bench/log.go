package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"jitos.dev/bench/logs"
	"jitos.dev/journal"
)

// logRows put the log beside other people's, and beside the disk itself: a write
// and an fdatasync of the same bytes. All of them get the same batches, as the
// kernel's writer makes them.
func logRows() []measure {
	return []measure{
		{"journal/append/1", func() (row, error) { return appendRow(1, 50) }},
		{"journal/append/16", func() (row, error) { return appendRow(16, 640) }},
		{"journal/append/256", func() (row, error) {
			r, err := appendRow(256, 7680)
			r.Must += ", >= 30000/s"
			r.Holds = r.Holds && r.Value >= 30_000
			return r, err
		}},
		{"journal/commit/idle", func() (row, error) { return idleRow(256, 0) }},
		{"journal/commit/inline", func() (row, error) { return idleRow(4096, 0) }},
		{"journal/commit/blob", func() (row, error) { return idleRow(256, 4096) }},
		{"journal/replay", replayRow},
		{"journal/start", startRow},
		{"journal/blobs", blobsRow},
	}
}

const recordSize = 256

// random is bytes that no log can compress, which would be a race of
// compressors.
func random(n int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, 0, n+8)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, rng.Uint64())
	}
	return b[:n]
}

// inFolders runs each, in turn, in folders of their own, of which nothing is left.
func inFolders(names []string, run func(name, dir string) (float64, error)) ([]float64, error) {
	root, err := os.MkdirTemp("", "bench-log-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(root)
	n := 0
	var fns []func() (float64, error)
	for _, name := range names {
		fns = append(fns, func() (float64, error) {
			n++
			dir := filepath.Join(root, fmt.Sprint(n))
			if err := os.Mkdir(dir, 0o700); err != nil {
				return 0, err
			}
			return run(name, dir)
		})
	}
	return median(fns...)
}

// appendRow is how many records a second become durable, with so many
// submitters that each wait for theirs. The logs take turns, a short one each:
// how busy a disk is changes from one second to the next.
func appendRow(submitters, records int) (row, error) {
	const turns = 15
	root, err := os.MkdirTemp("", "bench-log-")
	if err != nil {
		return row{}, err
	}
	defer os.RemoveAll(root)
	names := logs.Names()
	open := make([]logs.Log, len(names))
	for i, name := range names {
		dir := filepath.Join(root, name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			return row{}, err
		}
		if open[i], err = logs.Open(name, dir); err != nil {
			return row{}, err
		}
		defer open[i].Close()
	}
	each := make([][]float64, len(names))
	for range turns {
		for i, l := range open {
			x, err := submit(l, submitters, records/submitters)
			if err != nil {
				return row{}, err
			}
			each[i] = append(each[i], x)
		}
	}
	peers := map[string]float64{}
	for i, name := range names[1:] {
		peers[name] = middle(each[i+1])
	}
	x, raw := middle(each[0]), peers[logs.Raw]
	return row{Value: x, Unit: "records/s", Peers: peers, Must: ">= 0.8x " + logs.Raw, Holds: x >= 0.8*raw, N: turns}, nil
}

// submit is one turn: records a second.
func submit(l logs.Log, submitters, records int) (float64, error) {
	q := logs.NewQueue(l)
	defer q.Close()
	record := random(recordSize, 1)
	errs := make([]error, submitters)
	began := time.Now()
	var wg sync.WaitGroup
	for i := range submitters {
		wg.Go(func() {
			for range records {
				if errs[i] = q.Submit(record); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(submitters*records) / time.Since(began).Seconds(), errors.Join(errs...)
}

// idleRow is how long a lone commit takes, with a blob if size is not 0, when
// nothing else goes on.
func idleRow(payload, blob int) (row, error) {
	const commits = 60
	each := func(commit func(i int) error) (float64, error) {
		var all []float64
		for i := range commits {
			time.Sleep(3 * time.Millisecond) // idle
			began := time.Now()
			if err := commit(i); err != nil {
				return 0, err
			}
			all = append(all, float64(time.Since(began).Microseconds()))
		}
		return middle(all), nil
	}
	xs, err := inFolders([]string{"journal", "fdatasync"}, func(name, dir string) (float64, error) {
		data := random(payload, 1)
		if name == "fdatasync" {
			f, err := os.Create(filepath.Join(dir, "raw"))
			if err != nil {
				return 0, err
			}
			defer f.Close()
			return each(func(int) error {
				if _, err := f.Write(data); err != nil {
					return err
				}
				return unix.Fdatasync(int(f.Fd()))
			})
		}
		s, err := journal.Open(dir, journal.Options{})
		if err != nil {
			return 0, err
		}
		defer s.Close()
		return each(func(i int) error {
			if blob > 0 {
				if _, _, err := s.Blobs().Put(bytes.NewReader(random(blob, uint64(i)))); err != nil {
					return err
				}
			}
			return appendTo(s, 1, data)
		})
	})
	if err != nil {
		return row{}, err
	}
	return row{Value: xs[0], Unit: "us", Peers: map[string]float64{"write+fdatasync": xs[1]}, Must: "<= 1.5x write+fdatasync", Holds: xs[0] <= 1.5*xs[1], N: rounds}, nil
}

func appendTo(s *journal.Store, records int, payload []byte) error {
	last, _ := s.Last()
	return s.Append(context.Background(), journal.Frame{Epoch: s.Epoch(), First: last + 1, Count: uint32(records), Payload: payload})
}

// laid is a data folder with frames of 16 records.
func laid(records int, opt journal.Options, mark bool) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "bench-log-"); err != nil {
		return "", err
	}
	s, err := journal.Open(dir, opt)
	if err != nil {
		return dir, err
	}
	const batch = 16
	payload := random(batch*recordSize, 2)
	for range records / batch {
		if err := appendTo(s, batch, payload); err != nil {
			return dir, err
		}
	}
	if mark {
		seq, chain := s.Last()
		if err := s.WriteCheckpoint(journal.Checkpoint{Seq: seq, Chain: chain, Epoch: s.Epoch()}); err != nil {
			return dir, err
		}
	}
	return dir, s.Close()
}

// replayRow is how many records a second are read from a log that the page cache
// has: opened, which checks the chain, and each taken out of its frame.
func replayRow() (row, error) {
	const records = 64_000
	dir, err := laid(records, journal.Options{}, false)
	defer os.RemoveAll(dir)
	if err != nil {
		return row{}, err
	}
	xs, err := median(func() (float64, error) {
		began := time.Now()
		s, err := journal.Open(dir, journal.Options{})
		if err != nil {
			return 0, err
		}
		n, sum := 0, byte(0)
		for f, err := range s.Read(1) {
			if err != nil {
				return 0, err
			}
			for r := range slices.Chunk(f.Payload, recordSize) {
				n, sum = n+1, sum^r[0]
			}
		}
		took := time.Since(began).Seconds()
		if n != records {
			return 0, fmt.Errorf("%d records, not %d; %d", n, records, sum)
		}
		return records / took, s.Close()
	})
	if err != nil {
		return row{}, err
	}
	return row{Value: xs[0], Unit: "records/s", Must: ">= 1e6", Holds: xs[0] >= 1e6, N: rounds}, nil
}

// startRow is how long it takes to open a log of many segments with a checkpoint
// at its end, beside the same log without one.
func startRow() (row, error) {
	const records = 32_000
	opt := journal.Options{SegmentSize: 512 << 10}
	with, err := laid(records, opt, true)
	defer os.RemoveAll(with)
	if err != nil {
		return row{}, err
	}
	without, err := laid(records, opt, false)
	defer os.RemoveAll(without)
	if err != nil {
		return row{}, err
	}
	start := func(dir string) func() (float64, error) {
		return func() (float64, error) {
			began := time.Now()
			s, err := journal.Open(dir, opt)
			if err != nil {
				return 0, err
			}
			took := time.Since(began)
			return float64(took.Microseconds()) / 1000, s.Close()
		}
	}
	xs, err := median(start(with), start(without))
	if err != nil {
		return row{}, err
	}
	return row{Value: xs[0], Unit: "ms", Peers: map[string]float64{"no checkpoint": xs[1]}, Must: "faster than without", Holds: xs[0] < xs[1], N: rounds}, nil
}

// blobsRow is how many small blobs a second become durable, a hundred at a time,
// packed and as files of their own.
func blobsRow() (row, error) {
	const blobs, flush = 1000, 100
	xs, err := inFolders([]string{"packed", "files"}, func(name, dir string) (float64, error) {
		opt := journal.Options{}
		if name == "files" {
			opt.MaxPacked = -1
		}
		s, err := journal.Open(dir, opt)
		if err != nil {
			return 0, err
		}
		began := time.Now()
		for i := range blobs {
			if _, _, err := s.Blobs().Put(bytes.NewReader(random(1000, uint64(i)))); err != nil {
				return 0, err
			}
			if i%flush == flush-1 {
				if err := s.Blobs().Flush(); err != nil {
					return 0, err
				}
			}
		}
		return blobs / time.Since(began).Seconds(), s.Close()
	})
	if err != nil {
		return row{}, err
	}
	return row{Value: xs[0], Unit: "blobs/s", Peers: map[string]float64{"files": xs[1]}, Must: ">= 3x files", Holds: xs[0] >= 3*xs[1], N: rounds}, nil
}

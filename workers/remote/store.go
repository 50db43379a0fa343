package remote

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"sync"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// store is content of a task: what is not here comes from the daemon, once.
type store struct {
	ctx    context.Context
	daemon Daemon
	local  Blobs

	mu      sync.Mutex // guards the fields below
	fetched int
	bytes   int64
}

// put keeps content that this task makes.
func (s *store) put(data []byte) (rmg.Blob, error) {
	return s.local.Put(bytes.NewReader(data))
}

// read is content, whole.
func (s *store) read(b rmg.Blob) ([]byte, error) {
	if err := s.need(b); err != nil {
		return nil, err
	}
	f, err := s.local.Open(b)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// need has content be here. What the daemon sends is checked against its name.
func (s *store) need(b rmg.Blob) error {
	if f, err := s.local.Open(b); err == nil {
		return f.Close()
	}
	name := hex.EncodeToString(b.Sum[:])
	r, err := s.daemon.Blob(s.ctx, name)
	if err != nil {
		return err
	}
	defer r.Close()
	got, err := s.local.Put(io.LimitReader(r, b.Size+1))
	if err != nil {
		return err
	}
	if got.Sum != b.Sum {
		return &rmg.Error{Op: "blob", Code: rmg.Internal, Msg: fmt.Sprintf("the daemon sent other content for %s", name)}
	}
	s.mu.Lock()
	s.fetched++
	s.bytes += b.Size
	s.mu.Unlock()
	return nil
}

// fetchers is how many contents travel at once.
const fetchers = 8

// needAll has every content of a tree be here.
func (s *store) needAll(tree rmg.Graph) error {
	var list []rmg.Blob
	seen := map[rmg.Blob]bool{}
	for _, e := range tree.Walk(rmg.Root) {
		if b := e.Props.Blob(rewrite.PropBlob); e.Kind == rewrite.KindFile && !seen[b] {
			seen[b] = true
			list = append(list, b)
		}
	}
	var all sync.WaitGroup
	next, failed := make(chan rmg.Blob), make(chan error, fetchers)
	for range fetchers {
		all.Go(func() {
			var first error
			for b := range next {
				if first == nil {
					first = s.need(b)
				}
			}
			failed <- first
		})
	}
	for _, b := range list {
		next <- b
	}
	close(next)
	all.Wait()
	for range fetchers {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}

// travelled is how much came here.
func (s *store) travelled() (int, int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetched, s.bytes
}

// upload puts the contents at the daemon that ops name and that came about here.
func (s *store) upload(ops []rewrite.Op) error {
	sent := map[rmg.Blob]bool{}
	for _, op := range ops {
		if op.Op != rewrite.Write || sent[op.Blob] {
			continue
		}
		sent[op.Blob] = true
		f, err := s.local.Open(op.Blob)
		if err != nil {
			return err
		}
		got, err := s.daemon.PutBlob(s.ctx, f)
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return err
		}
		if want := hex.EncodeToString(op.Blob.Sum[:]); got.SHA256 != want {
			return &rmg.Error{Op: "blob", Path: op.Path, Code: rmg.Internal, Msg: fmt.Sprintf("%s arrived as %s", want, got.SHA256)}
		}
	}
	return nil
}

// Package gocache lets a sandboxed go command use the build cache of the
// person read-only, and write to a private one: the GOCACHEPROG protocol of
// the go command, over two folders.
package gocache

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// request and response are one line each of the protocol, which the go
// command's source documents (cmd/go/internal/cacheprog).
type request struct {
	ID       int64
	Command  string
	ActionID []byte
	OutputID []byte
	BodySize int64
}

type response struct {
	ID            int64
	Err           string     `json:",omitempty"`
	KnownCommands []string   `json:",omitempty"`
	Miss          bool       `json:",omitempty"`
	OutputID      []byte     `json:",omitempty"`
	Size          int64      `json:",omitempty"`
	Time          *time.Time `json:",omitempty"`
	DiskPath      string     `json:",omitempty"`
}

// Serve speaks GOCACHEPROG on r and w until r ends: gets are answered from
// upper, then lower; puts go to upper. Lower is a GOCACHE folder of the go
// command, never written; upper is in the same format.
func Serve(r io.Reader, w io.Writer, lower, upper string) error {
	in, out := json.NewDecoder(bufio.NewReaderSize(r, 1<<16)), json.NewEncoder(w)
	if err := out.Encode(response{KnownCommands: []string{"get", "put", "close"}}); err != nil {
		return err
	}
	for {
		var q request
		if err := in.Decode(&q); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("gocacheprog: %w", err)
		}
		var body []byte
		if q.BodySize > 0 {
			if err := in.Decode(&body); err != nil {
				return fmt.Errorf("gocacheprog: body of request %d: %w", q.ID, err)
			}
		}
		a := answer(q, body, lower, upper)
		a.ID = q.ID
		if err := out.Encode(a); err != nil {
			return err
		}
		if q.Command == "close" {
			return nil
		}
	}
}

func answer(q request, body []byte, lower, upper string) response {
	switch q.Command {
	case "get":
		for _, dir := range []string{upper, lower} {
			if a, ok := get(dir, q.ActionID); ok {
				return a
			}
		}
		return response{Miss: true}
	case "put":
		path, err := put(upper, q, body)
		if err != nil {
			return response{Err: err.Error()}
		}
		return response{DiskPath: path}
	case "close":
		return response{}
	}
	return response{Err: "there is no command " + strconv.Quote(q.Command)}
}

// file is where a cache keeps an id: "a" for actions, "d" for data.
func file(dir string, id []byte, kind string) string {
	h := hex.EncodeToString(id)
	return filepath.Join(dir, h[:2], h+"-"+kind)
}

// get reads an entry: "v1 ACTION OUTPUT SIZE TIME\n". What does not hold
// together is a miss.
func get(dir string, action []byte) (response, bool) {
	if len(action) != sha256.Size {
		return response{}, false
	}
	data, err := os.ReadFile(file(dir, action, "a"))
	if err != nil {
		return response{}, false
	}
	f := strings.Fields(string(data))
	if len(f) != 5 || f[0] != "v1" || f[1] != hex.EncodeToString(action) {
		return response{}, false
	}
	output, err := hex.DecodeString(f[2])
	size, err1 := strconv.ParseInt(f[3], 10, 64)
	nano, err2 := strconv.ParseInt(f[4], 10, 64)
	if errors.Join(err, err1, err2) != nil || len(output) != sha256.Size {
		return response{}, false
	}
	path := file(dir, output, "d")
	st, err := os.Lstat(path)
	if err != nil || !st.Mode().IsRegular() || st.Size() != size {
		return response{}, false
	}
	at := time.Unix(0, nano)
	return response{OutputID: output, Size: size, Time: &at, DiskPath: path}, true
}

// put stores content, then the entry that names it; each appears whole.
func put(dir string, q request, body []byte) (string, error) {
	if len(q.ActionID) != sha256.Size || int64(len(body)) != q.BodySize {
		return "", fmt.Errorf("put of %d bytes, %d announced, under an id of %d bytes", len(body), q.BodySize, len(q.ActionID))
	}
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], q.OutputID) {
		return "", errors.New("the content is not what its id says")
	}
	path := file(dir, q.OutputID, "d")
	if st, err := os.Lstat(path); err != nil || st.Size() != q.BodySize {
		if err := write(path, body); err != nil {
			return "", err
		}
	}
	entry := fmt.Sprintf("v1 %x %x %20d %20d\n", q.ActionID, q.OutputID, q.BodySize, time.Now().UnixNano())
	return path, write(file(dir, q.ActionID, "a"), []byte(entry))
}

func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "new-")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

package workers

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"jitos.dev/work"
)

// programs knows the hashes of programs that gates run, by path and stamp.
type programs struct {
	mu  sync.Mutex // guards the map
	sum map[string]knownProgram
}

type knownProgram struct {
	stamp stamp
	sum   string
}

// tools names what a gate is run with: the machine's Go, and the program itself
// with its hash. A program of the repository is part of the input, and one that is
// not there has no hash; what a program starts in its turn is not known.
func (r *Runner) tools(g work.Gate) string {
	list := []string{}
	if v := r.version(); v != "" {
		list = append(list, v)
	}
	if len(g.Argv) > 0 && !strings.Contains(g.Argv[0], "/") {
		if p := r.which(g.Argv[0]); p != "" {
			list = append(list, p+" "+r.programs.hash(p))
		}
	} else if len(g.Argv) > 0 && filepath.IsAbs(g.Argv[0]) {
		list = append(list, g.Argv[0]+" "+r.programs.hash(g.Argv[0]))
	}
	return strings.Join(list, "; ")
}

// which finds a program along the PATH that gates have; "" if it is not there.
func (r *Runner) which(name string) string {
	env := plainEnv()
	if r.tool != nil {
		env = r.tool.Fixed()
	}
	for _, kv := range env {
		list, ok := strings.CutPrefix(kv, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(list) {
			p, err := filepath.EvalSymlinks(filepath.Join(dir, name))
			if err != nil {
				continue
			}
			if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() && st.Mode().Perm()&0o111 != 0 {
				return p
			}
		}
	}
	return ""
}

// hash is the SHA-256 of a program, in hex; "" if it cannot be read.
func (k *programs) hash(path string) string {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return ""
	}
	is := stamp{st.Size, st.Mtim.Nano(), st.Ctim.Nano(), st.Ino, uint32(st.Mode)}
	k.mu.Lock()
	defer k.mu.Unlock()
	if was, ok := k.sum[path]; ok && was.stamp == is {
		return was.sum
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	if k.sum == nil {
		k.sum = map[string]knownProgram{}
	}
	k.sum[path] = knownProgram{is, hex.EncodeToString(h.Sum(nil))}
	return k.sum[path].sum
}

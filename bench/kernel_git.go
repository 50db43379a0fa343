package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// gitRepo is a bare repository with as many files as a world has nodes, and three
// commits: the base, and two on it that change so many files each, no two the same.
type gitRepo struct{ dir string }

// filesAFolder keeps git's trees at a size that it is good at.
const filesAFolder = 1000

// newGitRepo makes one by fast-import, which is the fastest way there is.
func newGitRepo(dir string, files, changes int) (gitRepo, error) {
	r := gitRepo{filepath.Join(dir, "peer.git")}
	if _, err := r.run(nil, "init", "-q", "--bare", r.dir); err != nil {
		return r, err
	}
	var in bytes.Buffer
	w := bufio.NewWriter(&in)
	commit := func(branch, from string, mark int, each func(put func(i int, text string))) {
		fmt.Fprintf(w, "commit refs/heads/%s\nmark :%d\ncommitter a <a@b> 1 +0000\ndata 1\nx\n", branch, mark)
		if from != "" {
			fmt.Fprintf(w, "from %s\n", from)
		}
		each(func(i int, text string) {
			fmt.Fprintf(w, "M 100644 inline %d/%s\ndata %d\n%s\n", i/filesAFolder, idOf(i), len(text), text)
		})
	}
	commit("base", "", 1, func(put func(int, string)) {
		for i := range files {
			put(i, fmt.Sprintf("hits %d\nlang go\nlive true\n", i))
		}
	})
	for side, name := range []string{"mine", "theirs"} {
		commit(name, ":1", 2+side, func(put func(int, string)) {
			for i := range changes {
				at := (2*i + side) * 7919 % files
				put(at, fmt.Sprintf("hits %d\nlang go\nlive true\n", at+1))
			}
		})
	}
	if err := w.Flush(); err != nil {
		return r, err
	}
	_, err := r.run(&in, "fast-import", "--quiet")
	return r, err
}

func (r gitRepo) run(in *bytes.Buffer, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	if in != nil {
		cmd.Stdin = in
	}
	if args[0] != "init" {
		cmd.Dir = r.dir
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// timed is the median milliseconds of a git command.
func (r gitRepo) timed(args ...string) (float64, error) {
	var times []float64
	for range rounds {
		began := time.Now()
		if _, err := r.run(nil, args...); err != nil {
			return 0, err
		}
		times = append(times, float64(time.Since(began).Microseconds())/1000)
	}
	return middle(times), nil
}

// gitPeers are what git needs for the same, in milliseconds: a merge in core,
// without a working tree, is the least that it can be asked for.
func gitPeers(files, changes int) (map[string]float64, error) {
	dir, done, err := memoryDir()
	if err != nil {
		return nil, err
	}
	defer done()
	r, err := newGitRepo(dir, files, changes)
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for name, args := range map[string][]string{
		"git merge-tree": {"merge-tree", "--write-tree", "mine", "theirs"},
		"git diff-tree":  {"diff-tree", "-r", "--name-only", "mine", "theirs"},
		"git branch":     {"branch", "-f", "fork", "mine"},
	} {
		if out[name], err = r.timed(args...); err != nil {
			return nil, err
		}
	}
	return out, nil
}

package sandbox

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"jitos.dev/work"
)

// ownPath is the part of a sandbox that shows a folder where its files are at home:
// what tools keep by path, such as Go's build cache, then holds for it.
const ownPath = "own path"

// showOwn shows the command's folder at its own path, in a mount namespace that is
// private already, and turns the spec to there. Nothing is turned, and no right is
// given there, unless the folder is what stands there now.
func showOwn(s *spec, in *work.Sandbox) {
	if s.Own == "" || len(s.Write) == 0 || !slices.Contains(in.Parts, "mountns") {
		return
	}
	folder := s.Write[0]
	err := hides(s, folder)
	if err == nil {
		// With what is mounted in it: the objects of a workspace's .git.
		err = unix.Mount(folder, s.Own, "", unix.MS_BIND|unix.MS_REC, "")
	}
	if err != nil {
		in.Lacks = append(in.Lacks, ownPath+": "+err.Error())
		return
	}
	in.Parts = append(in.Parts, ownPath)
	turn := func(p string) string {
		if rest, ok := strings.CutPrefix(p, folder); ok && (rest == "" || rest[0] == '/') {
			return s.Own + rest
		}
		return p
	}
	s.Dir, s.Write[0] = turn(s.Dir), s.Own
	for i, kv := range s.Env {
		if name, value, ok := strings.Cut(kv, "="); ok {
			s.Env[i] = name + "=" + turn(value)
		}
	}
}

// hides says what else the command needs that would be hidden.
func hides(s *spec, folder string) error {
	for _, p := range slices.Concat(s.Write[1:], s.Read) {
		if strings.HasPrefix(filepath.Clean(p)+"/", filepath.Clean(s.Own)+"/") {
			return errors.New(p + " stands in it")
		}
	}
	if strings.HasPrefix(s.Own+"/", folder+"/") || s.Own == "/" {
		return errors.New(s.Own + " is no place for it")
	}
	return nil
}

package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"jitos.dev/work"
)

// What a command reads is recorded by the kernel's own word: a seccomp filter has
// each call that takes a file's name wait until the first stage has read the name
// in the caller's memory, and then go on. So what was looked for and not there is
// known as well, and no program has to be of any kind.
//
// This is for what a program does in good faith. One that changes the name between
// the look and the call hides what it reads: it deceives about its own reads alone,
// and has its writes judged like anybody's.

// readsPart is the part of a sandbox that records what is read.
const readsPart = "reads (" + work.ReadsBySeccomp + ")"

// The limits of what is recorded.
const (
	maxReadNames = 100_000
	maxLinks     = 40 // that one name leads through
)

// call is where a system call has its name: by which argument, and below which
// folder if the name is relative.
type call struct {
	dir, name int
	does      int
}

// What a call does with what it names: it learns whether that is there and what
// it is like, or what is in it, or it becomes it.
const (
	looks = iota
	opens
	runs
)

// elsewhere are the calls after which names mean something else, or files need none.
var elsewhere = []int{unix.SYS_CHROOT, unix.SYS_PIVOT_ROOT, unix.SYS_MOUNT, unix.SYS_MOVE_MOUNT, unix.SYS_SETNS, unix.SYS_OPEN_BY_HANDLE_AT}

// recorder takes note of what is read below a folder.
type recorder struct {
	root string   // as the command sees it
	skip []string // what stands below these leads to nothing of it

	mu    sync.Mutex // guards the fields below; held from a call's notice until it is noted
	names map[string]bool
	seen  map[string]int // what was done with a name that leads through no link, at the most
	heard bool           // of any call: of that which becomes the command, at least
	why   string         // why it is not all
}

// newRecorder records what is read below the first of the folders that are written.
func newRecorder(s spec) *recorder {
	r := &recorder{names: map[string]bool{}, seen: map[string]int{}, skip: []string{"/usr/", "/lib/", "/lib64/", "/bin/", "/etc/", "/dev/", "/sys/"}}
	if len(s.Write) == 0 {
		r.why = "there is no folder"
		return r
	}
	r.root = filepath.Clean(s.Write[0])
	for _, p := range s.Read {
		if p = filepath.Clean(p) + "/"; !strings.HasPrefix(r.root+"/", p) {
			r.skip = append(r.skip, p)
		}
	}
	r.skip = slices.DeleteFunc(r.skip, func(p string) bool { return strings.HasPrefix(r.root+"/", p) })
	return r
}

// below is a name in its shortest form, "" if it cannot lead to the root.
func (r *recorder) below(name string, pid uint32) string {
	for _, p := range r.skip {
		if strings.HasPrefix(name, p) && !strings.Contains(name, "/../") {
			return ""
		}
	}
	if rest, ok := strings.CutPrefix(name, "/proc/"); ok {
		self := "/proc/" + strconv.Itoa(int(pid))
		for _, me := range []string{"self/", "thread-self/"} {
			if in, ok := strings.CutPrefix(rest, me); ok {
				return self + "/" + in
			}
		}
	}
	return name
}

// hear notes what a call is about, and lets it go on.
func (r *recorder) hear(n *notice, buf []byte, goOn func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = true
	name, does, err := r.nameOf(n, buf)
	if strings.HasPrefix(name, "/proc/") { // what it leads through is there as long as the caller is
		r.note(name, does)
		name = ""
	}
	goOn()
	switch {
	case err != nil && r.why == "":
		r.why = err.Error()
	case name != "":
		r.note(name, does)
	}
}

// nameOf reads which file a call is about, "" if none below the root. r.mu is held.
func (r *recorder) nameOf(n *notice, buf []byte) (name string, does int, err error) {
	c, ok := naming[int(n.nr)]
	if n.arch != auditArch || !ok {
		return "", 0, errors.New("it went where names mean something else")
	}
	name, err = n.nameAt(c.dir, c.name, buf)
	if name == "" || err != nil {
		return "", 0, err
	}
	return r.below(name, n.pid), c.does, nil
}

// note follows a name to what it leads to, and notes what of it stands in the
// folder: links on the way, and the end. r.mu is held.
func (r *recorder) note(name string, does int) {
	if was, ok := r.seen[name]; ok && was >= does {
		return
	}
	at, straight := r.follow(name)
	if straight {
		if len(r.seen) >= maxReadNames {
			clear(r.seen)
		}
		r.seen[name] = does
	}
	if at != r.root && !strings.HasPrefix(at, r.root+"/") {
		return
	}
	st, err := os.Lstat(at)
	if err == nil && st.IsDir() && does != looks {
		r.keep(at, "/") // of a folder it is the names in it
		return
	}
	r.keep(at, "")
	if does == runs && err == nil {
		if by := interpreter(at); by != "" {
			r.note(by, runs)
		}
	}
}

// follow is where a name leads to, and whether through no link. The links are noted.
func (r *recorder) follow(name string) (at string, straight bool) {
	parts, straight := strings.Split(name, "/"), true
	for links := 0; len(parts) > 0; {
		part := parts[0]
		parts = parts[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			at = at[:max(strings.LastIndexByte(at, '/'), 0)]
			continue
		}
		next := at + "/" + part
		to, err := os.Readlink(next)
		if err != nil {
			at = next
			continue
		}
		r.keep(next, "")
		if links++; links > maxLinks {
			return "", false
		}
		straight = false
		if strings.HasPrefix(to, "/") {
			at = ""
		}
		parts = append(strings.Split(to, "/"), parts...)
	}
	return at, straight
}

// keep notes a file or, with "/" behind it, a folder below the root. r.mu is held.
func (r *recorder) keep(full, kind string) {
	rel, ok := strings.CutPrefix(full, r.root)
	if !ok || rel != "" && rel[0] != '/' {
		return
	}
	if len(r.names) >= maxReadNames && r.why == "" {
		r.why = "it read more than " + strconv.Itoa(maxReadNames) + " names"
	}
	if r.why == "" {
		r.names[strings.TrimPrefix(rel, "/")+kind] = true
	}
}

// interpreter is the program that the kernel runs for a script, without being
// called for it.
func interpreter(full string) string {
	f, err := os.Open(full)
	if err != nil {
		return ""
	}
	defer f.Close()
	head := make([]byte, 256)
	n, _ := f.Read(head)
	rest, ok := strings.CutPrefix(string(head[:n]), "#!")
	if !ok {
		return ""
	}
	line, _, _ := strings.Cut(rest, "\n")
	words := strings.Fields(line)
	if len(words) == 0 || !strings.HasPrefix(words[0], "/") {
		return ""
	}
	return words[0]
}

// done is what was read, or why that is not known.
func (r *recorder) done() (*work.Reads, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.why != "" || !r.heard {
		return nil, r.why
	}
	out := &work.Reads{By: work.ReadsBySeccomp, Names: make([]string, 0, len(r.names))}
	for name := range r.names {
		out.Names = append(out.Names, name)
	}
	slices.Sort(out.Names)
	return out, ""
}

package sandbox

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unsafe"

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

// fdListener is where the second stage hands its listener to the first.
const fdListener = 5

// call is where a system call has its name: by which argument, and below which
// folder if the name is relative.
type call struct {
	dir, name int
	does      int
}

// working, in place of an argument, is the caller's working folder.
const working = -1

// What a call does with what it names: it learns whether that is there and what
// it is like, or what is in it, or it becomes it.
const (
	looks = iota
	opens
	runs
)

// elsewhere are the calls after which names mean something else, or files need none.
var elsewhere = []int{unix.SYS_CHROOT, unix.SYS_PIVOT_ROOT, unix.SYS_MOUNT, unix.SYS_MOVE_MOUNT, unix.SYS_SETNS, unix.SYS_OPEN_BY_HANDLE_AT}

// notice and verdict are struct seccomp_notif and seccomp_notif_resp.
type notice struct {
	id   uint64
	pid  uint32
	_    uint32
	nr   int32
	arch uint32
	_    uint64
	args [6]uint64
}

type verdict struct {
	id    uint64
	val   int64
	err   int32
	flags uint32
}

// listen makes the filter, for this thread and what it becomes, and gives the
// descriptor on which its calls are heard of.
func listen() (int, error) {
	if len(naming) == 0 {
		return -1, errors.New("no filter for this architecture")
	}
	filter := readsFilter()
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	for _, flags := range []uintptr{unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER} {
		fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
		switch errno {
		case 0:
			return int(fd), nil
		case unix.EINVAL: // a kernel from before the first of them
		default:
			return -1, errno
		}
	}
	return -1, unix.EINVAL
}

// readsFilter lets all pass but calls that take a name, and those of another
// architecture, whose numbers are others. A ring would open files without a call.
func readsFilter() []unix.SockFilter {
	const (
		load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		least = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		ret   = unix.BPF_RET | unix.BPF_K
		x32   = 0x40000000
	)
	out := []unix.SockFilter{{Code: load, K: dataArch}, {Code: equal, K: auditArch, Jf: 1}, {Code: load, K: dataNumber}, {Code: least, K: x32}}
	var told []int
	for nr := range naming {
		told = append(told, nr)
	}
	slices.Sort(told)
	for _, nr := range append(told, elsewhere...) {
		out = append(out, unix.SockFilter{Code: equal, K: uint32(nr)})
	}
	ring := len(out)
	out = append(
		out, unix.SockFilter{Code: equal, K: unix.SYS_IO_URING_SETUP, Jt: 2},
		unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_USER_NOTIF},
		unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
	)
	tell := ring + 2
	out[1].Jf = uint8(tell - 2)
	for i := 3; i < ring; i++ {
		out[i].Jt = uint8(tell - i - 1)
	}
	return out
}

// recorder takes note of what is read below a folder.
type recorder struct {
	root   string   // as the command sees it
	skip   []string // what stands below these leads to nothing of it
	theirs *os.File // by which the listener comes

	mu    sync.Mutex // guards the fields below; held from a call's notice until it is noted
	names map[string]bool
	seen  map[string]int // what was done with a name that leads through no link, at the most
	heard bool           // of any call: of that which becomes the command, at least
	why   string         // why it is not all
}

// record readies the recorder of a command whose reads are to be recorded; nil for
// others. It begins when the second stage has passed its listener on.
func record(s *spec, in *work.Sandbox) *recorder {
	if !s.Reads {
		return nil
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		s.Reads = false
		in.Lacks = append(in.Lacks, readsPart+": "+err.Error())
		return nil
	}
	r := newRecorder(*s)
	r.theirs = os.NewFile(uintptr(fds[1]), "listener")
	go func() {
		if fd, err := takeDescriptor(fds[0]); err == nil {
			r.hear(fd)
		} // else the second stage says why there is none
	}()
	return r
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

// hear hears of calls until there is nobody left to make any.
func (r *recorder) hear(fd int) {
	// The one who waits is woken on the processor where it is answered, where the
	// kernel knows that.
	_ = unix.IoctlSetInt(fd, unix.SECCOMP_IOCTL_NOTIF_SET_FLAGS, unix.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)
	buf := make([]byte, 2*os.Getpagesize())
	for {
		var n notice
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&n))); errno != 0 {
			if errno == unix.EINTR || errno == unix.ENOENT {
				continue
			}
			return
		}
		r.mu.Lock()
		r.heard = true
		name, does, err := r.nameOf(&n, buf)
		if strings.HasPrefix(name, "/proc/") { // what it leads through is there as long as the caller is
			r.note(name, does)
			name = ""
		}
		v := verdict{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		// A caller that was killed meanwhile gets no answer.
		_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&v)))
		switch {
		case err != nil && r.why == "":
			r.why = err.Error()
		case name != "":
			r.note(name, does)
		}
		r.mu.Unlock()
	}
}

// nameOf reads which file a call is about, "" if none below the root. r.mu is held.
func (r *recorder) nameOf(n *notice, buf []byte) (name string, does int, err error) {
	c, ok := naming[int(n.nr)]
	if n.arch != auditArch || !ok {
		return "", 0, errors.New("it went where names mean something else")
	}
	at := n.args[c.name]
	page := uint64(os.Getpagesize())
	first := page - at%page
	k, err := unix.ProcessVMReadv(
		int(n.pid), []unix.Iovec{{Base: &buf[0], Len: first + page}},
		[]unix.RemoteIovec{{Base: uintptr(at), Len: int(first)}, {Base: uintptr(at + first), Len: int(page)}}, 0,
	)
	switch {
	case err == unix.EFAULT, err == unix.ESRCH:
		return "", 0, nil // it will fail
	case err != nil:
		return "", 0, &os.SyscallError{Syscall: "process_vm_readv", Err: err}
	}
	end := bytes.IndexByte(buf[:k], 0)
	if end < 0 {
		return "", 0, nil // too long for the kernel
	}
	name = string(buf[:end])
	if strings.HasPrefix(name, "/") {
		return r.below(name, n.pid), c.does, nil
	}
	link := "cwd"
	if c.dir != working && int32(n.args[c.dir]) != unix.AT_FDCWD {
		if name == "" {
			return "", 0, nil // the descriptor itself, which was opened by a name
		}
		link = "fd/" + strconv.Itoa(int(int32(n.args[c.dir])))
	}
	dir, err := os.Readlink("/proc/" + strconv.Itoa(int(n.pid)) + "/" + link)
	if err != nil || !strings.HasPrefix(dir, "/") {
		return "", 0, nil // no folder, or one that is gone: the call fails
	}
	return r.below(dir+"/"+name, n.pid), c.does, nil
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

// passListener is the second stage's part: it has its calls heard of from now on.
func passListener() error {
	defer unix.Close(fdListener)
	fd, err := listen()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Sendmsg(fdListener, []byte{1}, unix.UnixRights(fd), nil, 0)
}

// takeDescriptor waits for what the second stage passes, or for its end.
func takeDescriptor(from int) (int, error) {
	buf, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(from, buf, oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return -1, err
	}
	msgs, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(msgs) != 1 {
		return -1, errors.Join(errors.New("no listener came"), err)
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) != 1 {
		return -1, errors.Join(errors.New("no listener came"), err)
	}
	return fds[0], nil
}

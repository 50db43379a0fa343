package sandbox

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"jitos.dev/work"
)

// Some of a command's calls are heard of before the kernel does them: a seccomp
// filter has each wait until the first stage, which stands beside the command, has
// answered. So it is known what was read, and a folder can be renamed that the
// kernel would not rename.

// fdListener is where the second stage hands its listener to the first.
const fdListener = 5

// working, in place of an argument, is the caller's working folder.
const working = -1

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

// listener answers the calls of one command.
type listener struct {
	reads  *recorder // nil: what is read is not recorded
	moves  *mover    // nil: no folder needs it
	theirs *os.File  // by which its descriptor comes

	fd int
}

// listenTo readies what hears of a command's calls; nil where none has to be heard
// of. It begins when the second stage has passed its descriptor on.
func listenTo(s *spec, in *work.Sandbox) *listener {
	if s.Moves = needsMover(*s); !s.Reads && !s.Moves {
		return nil
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		for _, part := range s.heard() {
			in.Lacks = append(in.Lacks, part+": "+err.Error())
		}
		s.Reads, s.Moves = false, false
		return nil
	}
	l := &listener{theirs: os.NewFile(uintptr(fds[1]), "listener")}
	if s.Reads {
		l.reads = newRecorder(*s)
	}
	if s.Moves {
		l.moves = newMover(*s)
	}
	go func() {
		if fd, err := takeDescriptor(fds[0]); err == nil {
			l.fd = fd
			l.hear()
		} // else the second stage says why there is none
	}()
	return l
}

// heard are the parts of a sandbox that hear of calls.
func (s spec) heard() (parts []string) {
	if s.Reads {
		parts = append(parts, readsPart)
	}
	if s.Moves {
		parts = append(parts, movesPart)
	}
	return parts
}

// hear hears of calls until there is nobody left to make any.
func (l *listener) hear() {
	// The one who waits is woken on the processor where it is answered, where the
	// kernel knows that.
	_ = unix.IoctlSetInt(l.fd, unix.SECCOMP_IOCTL_NOTIF_SET_FLAGS, unix.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)
	buf := make([]byte, 2*os.Getpagesize())
	var moving sync.WaitGroup
	defer moving.Wait()
	for {
		var n notice
		if errno := l.ioctl(unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n)); errno != 0 {
			if errno == unix.EINTR || errno == unix.ENOENT {
				continue
			}
			return
		}
		if c, ok := renaming[int(n.nr)]; ok && n.arch == auditArch && l.moves != nil {
			m, ok := l.moves.asked(&n, c, buf)
			if !ok {
				l.answer(n.id, 0, true)
				continue
			}
			moving.Go(func() { // which may take as long as there are bytes in the folder
				errno, done := unix.Errno(0), false
				if l.stillAsks(n.id) {
					errno, done = l.moves.move(m)
				}
				l.answer(n.id, errno, !done)
			})
			continue
		}
		if l.reads == nil {
			l.answer(n.id, 0, true)
			continue
		}
		l.reads.hear(&n, buf, func() { l.answer(n.id, 0, true) })
	}
}

// answer lets a call return with an error, or none; or go on as if nobody had heard
// of it. A caller that was killed meanwhile gets no answer.
func (l *listener) answer(id uint64, errno unix.Errno, goOn bool) {
	v := verdict{id: id, err: -int32(errno)}
	if goOn {
		v = verdict{id: id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	}
	_ = l.ioctl(unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&v))
}

// stillAsks reports whether a call still waits: what was read of its caller's
// memory was the caller's then, and not another's of the same number.
func (l *listener) stillAsks(id uint64) bool {
	return l.ioctl(unix.SECCOMP_IOCTL_NOTIF_ID_VALID, unsafe.Pointer(&id)) == 0
}

func (l *listener) ioctl(what uint, arg unsafe.Pointer) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(l.fd), uintptr(what), uintptr(arg))
	return errno
}

// nameAt reads the name that an argument of a call points to, "" if there is none,
// and completes it with the folder that another argument names. The kernel will
// refuse what gives no name.
func (n *notice) nameAt(dir, name int, buf []byte) (string, error) {
	at := n.args[name]
	page := uint64(os.Getpagesize())
	first := page - at%page
	k, err := unix.ProcessVMReadv(
		int(n.pid), []unix.Iovec{{Base: &buf[0], Len: first + page}},
		[]unix.RemoteIovec{{Base: uintptr(at), Len: int(first)}, {Base: uintptr(at + first), Len: int(page)}}, 0,
	)
	switch {
	case err == unix.EFAULT, err == unix.ESRCH:
		return "", nil
	case err != nil:
		return "", &os.SyscallError{Syscall: "process_vm_readv", Err: err}
	}
	end := bytes.IndexByte(buf[:k], 0)
	if end < 0 {
		return "", nil // too long for the kernel
	}
	text := string(buf[:end])
	if strings.HasPrefix(text, "/") {
		return text, nil
	}
	link := "cwd"
	if dir != working && int32(n.args[dir]) != unix.AT_FDCWD {
		if text == "" {
			return "", nil // the descriptor itself, which was opened by a name
		}
		link = "fd/" + strconv.Itoa(int(int32(n.args[dir])))
	}
	full, err := os.Readlink("/proc/" + strconv.Itoa(int(n.pid)) + "/" + link)
	if err != nil || !strings.HasPrefix(full, "/") {
		return "", nil // no folder, or one that is gone
	}
	return full + "/" + text, nil
}

// filterOf lets all calls pass but those that are heard of. Where reads are, calls
// of another architecture are too, whose numbers are others, and there is no ring,
// which would open files without a call.
func filterOf(s spec) []unix.SockFilter {
	const (
		load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		least = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		ret   = unix.BPF_RET | unix.BPF_K
		x32   = 0x40000000
	)
	out := []unix.SockFilter{{Code: load, K: dataArch}, {Code: equal, K: auditArch, Jf: 1}, {Code: load, K: dataNumber}, {Code: least, K: x32}}
	var told []int
	if s.Reads {
		for nr := range naming {
			told = append(told, nr)
		}
		told = append(told, elsewhere...)
	}
	if s.Moves {
		for nr := range renaming {
			told = append(told, nr)
		}
	}
	slices.Sort(told)
	for _, nr := range told {
		out = append(out, unix.SockFilter{Code: equal, K: uint32(nr)})
	}
	ring := len(out)
	out = append(
		out, unix.SockFilter{Code: equal, K: unix.SYS_IO_URING_SETUP, Jt: 2},
		unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_USER_NOTIF},
		unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
	)
	allow, tell := ring+1, ring+2
	strange := tell
	if !s.Reads {
		strange = allow
		out[ring].Jt = 0
	}
	out[1].Jf = uint8(strange - 2)
	out[3].Jt = uint8(strange - 4)
	for i := 4; i < ring; i++ {
		out[i].Jt = uint8(tell - i - 1)
	}
	return out
}

// listen makes the filter, for this thread and what it becomes, and gives the
// descriptor on which its calls are heard of.
func listen(s spec) (int, error) {
	if auditArch == 0 {
		return -1, errors.New("no filter for this architecture")
	}
	filter := filterOf(s)
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

// passListener is the second stage's part: it has its calls heard of from now on.
func passListener(s spec) error {
	defer unix.Close(fdListener)
	fd, err := listen(s)
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

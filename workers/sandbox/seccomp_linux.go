package sandbox

import (
	"errors"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The parts of struct seccomp_data that the filter looks at, by offset.
const (
	dataNumber = 0
	dataArch   = 4
	dataArg0   = 16 // low half, on a little-endian machine
)

// denyInternet makes socket(2) fail with EACCES for everything but local
// sockets, on a machine without network namespaces. Loopback goes with it.
func denyInternet() error {
	var arch uint32
	switch runtime.GOARCH {
	case "amd64":
		arch = unix.AUDIT_ARCH_X86_64
	case "arm64":
		arch = unix.AUDIT_ARCH_AARCH64
	default:
		return errors.New("no filter for " + runtime.GOARCH)
	}
	const (
		load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		least = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		ret   = unix.BPF_RET | unix.BPF_K
		x32   = 0x40000000
		deny  = unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES)
	)
	filter := []unix.SockFilter{
		{Code: load, K: dataArch},
		{Code: equal, K: arch, Jt: 0, Jf: 7}, // another architecture's calls: denied
		{Code: load, K: dataNumber},
		{Code: least, K: x32, Jt: 5, Jf: 0},
		{Code: equal, K: unix.SYS_SOCKET, Jt: 0, Jf: 3},
		{Code: load, K: dataArg0},
		{Code: equal, K: unix.AF_UNIX, Jt: 1, Jf: 0},
		{Code: ret, K: deny},
		{Code: ret, K: unix.SECCOMP_RET_ALLOW},
		{Code: ret, K: deny},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	return nil
}

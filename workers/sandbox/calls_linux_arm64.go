package sandbox

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// naming are the calls that are heard of: what opens a file, runs one, or tells of
// one.
var naming = map[int]call{
	unix.SYS_OPENAT: {0, 1, opens}, unix.SYS_OPENAT2: {0, 1, opens},
	unix.SYS_EXECVE: {working, 0, runs}, unix.SYS_EXECVEAT: {0, 1, runs},
	unix.SYS_FSTATAT: {0, 1, looks}, unix.SYS_STATX: {0, 1, looks},
	unix.SYS_FACCESSAT: {0, 1, looks}, unix.SYS_FACCESSAT2: {0, 1, looks},
	unix.SYS_CHDIR: {working, 0, looks}, unix.SYS_READLINKAT: {0, 1, looks}, unix.SYS_LINKAT: {0, 1, opens},
}

// renaming are the calls by which a folder gets another name.
var renaming = map[int]renameCall{
	unix.SYS_RENAMEAT:  {0, 1, 2, 3, noFlags},
	unix.SYS_RENAMEAT2: {0, 1, 2, 3, 4},
}

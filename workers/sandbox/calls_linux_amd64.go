package sandbox

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// naming are the calls that are heard of: what opens a file, runs one, or tells of
// one.
var naming = map[int]call{
	unix.SYS_OPEN: {working, 0, opens}, unix.SYS_OPENAT: {0, 1, opens}, unix.SYS_OPENAT2: {0, 1, opens},
	unix.SYS_EXECVE: {working, 0, runs}, unix.SYS_EXECVEAT: {0, 1, runs},
	unix.SYS_STAT: {working, 0, looks}, unix.SYS_LSTAT: {working, 0, looks}, unix.SYS_NEWFSTATAT: {0, 1, looks}, unix.SYS_STATX: {0, 1, looks},
	unix.SYS_ACCESS: {working, 0, looks}, unix.SYS_FACCESSAT: {0, 1, looks}, unix.SYS_FACCESSAT2: {0, 1, looks},
	unix.SYS_READLINK: {working, 0, looks}, unix.SYS_READLINKAT: {0, 1, looks},
	unix.SYS_CHDIR: {working, 0, looks}, unix.SYS_LINK: {working, 0, opens}, unix.SYS_LINKAT: {0, 1, opens},
}

// renaming are the calls by which a folder gets another name.
var renaming = map[int]renameCall{
	unix.SYS_RENAME:    {working, 0, working, 1, noFlags},
	unix.SYS_RENAMEAT:  {0, 1, 2, 3, noFlags},
	unix.SYS_RENAMEAT2: {0, 1, 2, 3, 4},
}

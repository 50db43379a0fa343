package worktree

import "syscall"

// changeTime is when the inode last changed: no program can set it.
func changeTime(st *syscall.Stat_t) int64 { return st.Ctimespec.Nano() }

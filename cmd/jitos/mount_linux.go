package main

import "syscall"

// mountFlags are what the kernel is told of a mount, where this program may do it
// itself.
const mountFlags = syscall.MS_RDONLY | syscall.MS_NOSUID | syscall.MS_NODEV

// fuseHint is what lets an ordinary user mount.
const fuseHint = "install fuse3: it lets an ordinary user mount"

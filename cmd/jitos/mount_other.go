//go:build !linux

package main

// mountFlags are none: the mount is made by the system's own helper.
const mountFlags = 0

// fuseHint is what lets an ordinary user mount.
const fuseHint = "install macFUSE: it lets an ordinary user mount"

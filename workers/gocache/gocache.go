// Package gocache lets a sandboxed go command use the build cache of the
// person read-only, and write to a private one: the GOCACHEPROG protocol of
// the go command, over two folders.
package gocache

import "io"

// Serve speaks GOCACHEPROG on r and w until r ends: gets are answered from
// upper, then lower; puts go to upper. Lower is a GOCACHE folder of the go
// command, never written; upper is in the same format.
func Serve(r io.Reader, w io.Writer, lower, upper string) error { panic("stub") }

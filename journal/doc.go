// Package journal is the log on disk: what was acknowledged is never lost.
//
// A journal is a data folder. It holds an append-only, hash-chained log of
// frames in segments, and content-addressed blobs beside it. Records are bytes
// to it; what they mean is the kernel's business.
//
//	DIR/lock             flock: one process at a time
//	DIR/log/%016x.seg    segments of frames, named by their first seq
//	DIR/blobs/ab/cdef…   content, named by its SHA-256
//	DIR/blobs/new/       content that was not flushed yet
//	DIR/torn/            torn last frames that recovery cut off, kept
//	DIR/reserve          bytes given back when the disk is full
//
// # Frame
//
// One frame is one group commit: whole ticks, of one or more records. Its
// header holds magic, version, epoch, first seq, count, hash of the previous
// frame, payload length, crc32c of the header, crc32c of the payload. All
// integers are little-endian. The hash of a frame is the SHA-256 of its header
// and payload.
//
// # Invariants
//
//  1. Append returns only after fdatasync of what it wrote.
//  2. Frames carry consecutive seqs and the hash of the frame before.
//  3. After a failed write or sync the log is poisoned: nothing more is
//     appended by this process. An fsync is never tried again. Only a write
//     without room is taken back; then the log is read-only until the reserve
//     can be filled again.
//  4. Recovery cuts off a torn last frame, keeps it aside and says so; any
//     other damage is named and refused. What it leaves is made durable before
//     anyone sees it.
//  5. A blob is durable before the frame whose record names it: Append flushes
//     the blobs put since the last one first. What has a blob's last name was
//     synced before it got it.
package journal

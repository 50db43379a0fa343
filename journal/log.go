package journal

import (
	"context"
	"errors"
	"iter"
)

// The ways in which a log refuses.
var (
	// ErrLocked is returned when another process has the data folder open.
	ErrLocked = errors.New("data folder is in use by another process")
	// ErrCorrupt is returned, wrapped with file and offset, when a frame is
	// damaged and it is not a torn last one.
	ErrCorrupt = errors.New("log is damaged")
	// ErrPoisoned is returned by every Append after a failed write or sync.
	ErrPoisoned = errors.New("log is stopped after an I/O error")
	// ErrFull is returned when the disk has no room; nothing was appended and
	// the log is read-only until there is room again.
	ErrFull = errors.New("no room on disk")
	// ErrFenced is returned when a later epoch has the log.
	ErrFenced = errors.New("log was taken over by a later epoch")
	// ErrAmbiguous is returned when it is not known whether the frame is in
	// the log; the caller has to read it again. The embedded log poisons
	// itself instead.
	ErrAmbiguous = errors.New("unknown whether the frame was appended")
	// ErrSeq is returned when a frame's first seq is not the next one.
	ErrSeq = errors.New("seq is not the next one")
	// ErrLimit is returned for a frame beyond MaxFrame.
	ErrLimit = errors.New("frame is too large")
	// ErrNoBlob is returned when there is no blob of that name.
	ErrNoBlob = errors.New("no such blob")
	// ErrPurged is returned for content that was purged: it is known, gone, and
	// never taken again.
	ErrPurged = errors.New("content was purged")
	// ErrChain is returned for a checkpoint of another log.
	ErrChain = errors.New("chain has another hash there")
	// ErrNoObjects is returned when there is no object file of that generation.
	ErrNoObjects = errors.New("no such object file")
	// ErrInUse is returned when what should go is still needed.
	ErrInUse = errors.New("still in use")
	// ErrNotEmpty is returned when a backup or a restored log would meet what
	// is there already.
	ErrNotEmpty = errors.New("folder is not empty")
	// ErrBackup is returned when a backup, or a half restored one, is opened
	// as if it were a data folder; or half a backup is restored.
	ErrBackup = errors.New("folder is no data folder that can be opened")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("log is closed")
	// ErrVersion is returned for a data folder of a newer format.
	ErrVersion = errors.New("data folder is of a newer format")
)

// The limits of the format.
const (
	MaxFrame    = 64 << 20 // payload bytes
	SegmentSize = 64 << 20 // a new segment begins after this many bytes
	PackSize    = 64 << 20 // a new pack of blobs begins after this many bytes
	ReserveSize = 4 << 20  // bytes kept back for a full disk
	// CompressFrom is from how many bytes on a payload is compressed. Below,
	// there is little to be won, and a lone record should not wait for it.
	CompressFrom = 16 << 10
)

// Frame is one group commit. Payload is opaque; it may be kept by nobody after
// Append returns, nor changed by a reader.
type Frame struct {
	Epoch   uint64
	First   uint64 // seq of the first record; the log begins with 1
	Count   uint32 // number of records; at least 1
	Payload []byte
}

// Log is an ordered, durable sequence of frames. The embedded one is *Store; a
// distributed one can satisfy it too. journaltest.TestLog holds its promises.
type Log interface {
	// Append adds a frame whose First must be the seq after the last. It
	// returns when the frame is durable. One goroutine at a time.
	Append(ctx context.Context, f Frame) error
	// Read ranges over the frames that hold a seq >= from, in order, up to
	// the last durable one at the time of the call. Any goroutine. An error
	// ends the range.
	Read(from uint64) iter.Seq2[Frame, error]
	// Tail is Read that goes on: it waits for frames as they become durable.
	// It ends with an error: that of ctx, ErrClosed, or ErrPoisoned once
	// there will be no more. Any goroutine.
	Tail(ctx context.Context, from uint64) iter.Seq2[Frame, error]
	// ChainAt returns the chain's hash after the frame that ends with seq; of
	// seq 0, zeros. ErrSeq: no durable frame ends there. It reads no payload.
	ChainAt(seq uint64) ([32]byte, error)
	// Last returns the last durable seq (0 if none), and the chain's hash.
	Last() (seq uint64, chain [32]byte)
	// Epoch returns the epoch of this opening: one more than that of the
	// last frame in the log.
	Epoch() uint64
	// Close waits for what is under way and releases the log.
	Close() error
}

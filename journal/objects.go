package journal

import "io"

// Objects is the object files of a data folder, one for each generation. A
// generation is appended to until a compaction begins the next one and writes
// there what is still needed. When a store is opened, a generation that no
// valid checkpoint names is removed, and what lies behind the longest extent
// that one names is cut off: the log has it all.
type Objects interface {
	// Generations lists what there is, in rising order.
	Generations() []uint64
	// Open returns a generation's file, always the same; ErrNoObjects if
	// there is none of that number.
	Open(generation uint64) (ObjectFile, error)
	// Begin makes the next generation, empty.
	Begin() (ObjectFile, error)
	// Drop removes a generation, and the checkpoints that name it. Refused
	// with ErrInUse while one of the two newest checkpoints does.
	Drop(generation uint64) error
}

// ObjectFile is an append-only file. Reading and Size: any goroutine, beside an
// append; writing: one at a time.
type ObjectFile interface {
	// ReadAt reads what was appended, whether it was flushed or not.
	io.ReaderAt
	// Write appends. It is buffered; a failure of the disk may show later, and
	// then in every call.
	io.Writer
	// Generation is the number of the file.
	Generation() uint64
	// Size is the number of bytes appended: where the next Write begins.
	Size() int64
	// Sync makes durable what was appended. After an error it returns that
	// error always. WriteCheckpoint calls it.
	Sync() error
}

package journal

// Checkpoint says what the log folds to at one of its seqs, so that a start
// folds only what comes after. To the journal Payload is bytes; it stays small,
// as what it stands for lies in an object file.
type Checkpoint struct {
	// Seq is the last record that was folded; a frame ends with it.
	Seq uint64
	// Chain is the log's hash at Seq; see Log.ChainAt.
	Chain [32]byte
	// Epoch is that of the process that wrote it.
	Epoch uint64
	// Fold is the version of the folding code; a reader with another one
	// passes the checkpoint over.
	Fold uint64
	// Objects is what Payload refers to.
	Objects Extent
	Payload []byte
}

// Extent is the beginning of an object file: what a checkpoint needs of it.
type Extent struct {
	Generation uint64 // 0 is none
	Length     int64
}

// Checkpoints keeps checkpoints of a log. Any goroutine.
type Checkpoints interface {
	// WriteCheckpoint makes a checkpoint durable, and before it what it needs
	// of the object file. One of the same seq is replaced. Of the older ones
	// Options.Keep are kept. Refused with ErrSeq if no frame ends with Seq,
	// with ErrChain if the chain is another there.
	WriteCheckpoint(c Checkpoint) error
	// Checkpoints returns those that can be started from, newest first: whole,
	// of this log's chain, with an object file that is long enough. A log
	// that ends before its newest checkpoint is refused by Open already.
	Checkpoints() ([]Checkpoint, error)
	// Objects returns the object files that checkpoints refer to.
	Objects() Objects
}

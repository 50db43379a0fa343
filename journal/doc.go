// Package journal is the log on disk: what was acknowledged is never lost.
//
// A journal is a data folder. It holds an append-only, hash-chained log of
// frames in segments, content-addressed blobs beside it, and checkpoints with
// the object files they refer to. Records, checkpoints and objects are bytes to
// it; what they mean is the kernel's business.
//
//	DIR/lock                      flock: one process at a time
//	DIR/log/%016x.seg             segments of frames, named by their first seq
//	DIR/log/%016x.idx             where the frames of a full segment are
//	DIR/checkpoints/%016x.ckpt    what the log folds to, named by the seq
//	DIR/objects/%016x.obj         what checkpoints refer to, by generation
//	DIR/blobs/ab/cdef…            content, named by its SHA-256
//	DIR/blobs/new/                content that was not flushed yet
//	DIR/blobs/packs/%016x.pack    small contents, in batches of one flush
//	DIR/blobs/packs/%016x.idx     what is in a pack that gets no more
//	DIR/blobs/purged              tombstones: sums of what was purged
//	DIR/torn/                     torn last frames that recovery cut off, and
//	                              checkpoints that cannot be started from
//	DIR/reserve                   bytes given back when the disk is full
//	DIR/rewritten                 the segments named *.seg.next are the log, and
//	                              are to be put in its place
//
// A backup is the same without lock, torn and reserve, and has DIR/manifest.
//
// # Frame
//
// One frame is one group commit: whole ticks, of one or more records. Its
// header holds magic, version, epoch, first seq, flags, count, hash of the
// previous frame, payload length, crc32c of the header, crc32c of the payload.
// All integers are little-endian. A payload may be compressed, as a flag says.
// The hash of a frame is the SHA-256 of its header and payload as they stand in
// the file.
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
//     synced before it got it, and in a pack only the last batch can be torn.
//  6. A checkpoint is durable after what it needs of its object file, and has
//     its name after its bytes. A log that ends before its newest checkpoint is
//     refused, and not cut.
//  7. A start reads the log from the newest checkpoint of its chain on. What
//     lies before is taken from the indexes, each of which can be made again
//     from what it is of; Verify reads it all.
//  8. What removes writes first: a pack is replaced by one that is durable, an
//     object file goes after the checkpoints that name it, a tombstone stands
//     before the content goes, and each start finishes what it announces.
//  9. The segment that is written to may go on with zeros, which are room for
//     frames: a flush is cheaper where the file does not grow. They are cut
//     off when the segment is full and when the log is closed.
//  10. Half a backup, and what is half restored, cannot be taken for whole.
//
// # Locks
//
// In this order, where more than one is held: blobStore.upkeep, Store.pointing,
// objects.mu, blobStore.flush, blobStore.mu; and Store.writing, Store.saving,
// Store.mu. None that a read of frames or contents needs is held over a sync.
package journal

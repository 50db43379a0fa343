package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// The header of a frame, little-endian:
//
//	0  magic "JTF1"     28  count u32
//	4  version u32      32  hash of the previous frame, 32 bytes
//	8  epoch u64        64  payload length u32
//	16 first seq u64    68  crc32c of the payload
//	24 flags u32        72  crc32c of bytes 0-71
//
// Version 1 has no flags. Version 2 has one, zstd: the payload is compressed,
// and length, checksum and hash are of the bytes that stand there.
const (
	headerSize   = 76
	plainVersion = 1
	flagsVersion = 2
	flagZstd     = 1
)

var (
	frameMagic = [4]byte{'J', 'T', 'F', '1'}
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// header is a frame's header, read.
type header struct {
	epoch, first uint64
	count, flags uint32
	prev         [32]byte
	length       uint32
	sum          uint32
}

// encodeFrame writes a frame whose payload is as flags say, and returns its
// hash.
func encodeFrame(f Frame, flags uint32, prev [32]byte) ([]byte, [32]byte) {
	b := make([]byte, headerSize+len(f.Payload))
	copy(b, frameMagic[:])
	le := binary.LittleEndian
	le.PutUint32(b[4:], plainVersion)
	if flags != 0 {
		le.PutUint32(b[4:], flagsVersion)
	}
	le.PutUint64(b[8:], f.Epoch)
	le.PutUint64(b[16:], f.First)
	le.PutUint32(b[24:], flags)
	le.PutUint32(b[28:], f.Count)
	copy(b[32:], prev[:])
	le.PutUint32(b[64:], uint32(len(f.Payload)))
	le.PutUint32(b[68:], crc32.Checksum(f.Payload, castagnoli))
	le.PutUint32(b[72:], crc32.Checksum(b[:72], castagnoli))
	copy(b[headerSize:], f.Payload)
	return b, sha256.Sum256(b)
}

// errTorn says that what stands there is no whole frame.
type errTorn struct{ why string }

func (e *errTorn) Error() string { return e.why }

// decodeHeader checks and reads a header.
func decodeHeader(b []byte) (header, error) {
	var h header
	le := binary.LittleEndian
	switch {
	case len(b) < headerSize:
		return h, &errTorn{fmt.Sprintf("%d bytes are no header", len(b))}
	case [4]byte(b[:4]) != frameMagic:
		return h, &errTorn{"no frame begins here"}
	case crc32.Checksum(b[:72], castagnoli) != le.Uint32(b[72:]):
		return h, &errTorn{"the header's checksum is wrong"}
	case le.Uint32(b[4:]) != plainVersion && le.Uint32(b[4:]) != flagsVersion:
		return h, fmt.Errorf("frame of version %d: %w", le.Uint32(b[4:]), ErrVersion)
	}
	h = header{
		epoch: le.Uint64(b[8:]), first: le.Uint64(b[16:]), count: le.Uint32(b[28:]), flags: le.Uint32(b[24:]), prev: [32]byte(b[32:64]),
		length: le.Uint32(b[64:]), sum: le.Uint32(b[68:]),
	}
	flags := uint32(0)
	if le.Uint32(b[4:]) == flagsVersion {
		flags = flagZstd
	}
	if h.length > MaxFrame || h.count == 0 || h.flags != flags || h.epoch == 0 || h.epoch == math.MaxUint64 {
		// Its checksum is right, so it was written so: that is no torn write.
		return h, errors.New("the header makes no sense")
	}
	return h, nil
}

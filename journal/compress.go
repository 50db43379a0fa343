package journal

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// codec compresses payloads: the same bytes always to the same bytes, as the
// chain is over what stands in the log. Any goroutine.
type codec struct {
	from int // bytes from which on it compresses; negative: never
	enc  func() (*zstd.Encoder, error)
	dec  func() (*zstd.Decoder, error)
}

func newCodec(from int) codec {
	return codec{
		from: from,
		enc: sync.OnceValues(func() (*zstd.Encoder, error) {
			return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
				zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true))
		}),
		dec: sync.OnceValues(func() (*zstd.Decoder, error) {
			return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(MaxFrame))
		}),
	}
}

// pack returns the payload as it will stand in the log.
func (c *codec) pack(payload []byte) (stored []byte, flags uint32, err error) {
	if c.from < 0 || len(payload) < c.from {
		return payload, 0, nil
	}
	enc, err := c.enc()
	if err != nil {
		return nil, 0, err
	}
	stored = enc.EncodeAll(payload, nil)
	if len(stored) >= len(payload) {
		return payload, 0, nil
	}
	return stored, flagZstd, nil
}

// unpack returns the payload that was appended.
func (c *codec) unpack(stored []byte, flags uint32) ([]byte, error) {
	if flags&flagZstd == 0 {
		return stored, nil
	}
	dec, err := c.dec()
	if err != nil {
		return nil, err
	}
	payload, err := dec.DecodeAll(stored, nil)
	if err != nil {
		return nil, fmt.Errorf("the payload cannot be decompressed: %w", err)
	}
	return payload, nil
}

package journal

// What the tests outside the package need of the format.
const HeaderSize = headerSize

// OS is the machine's file system.
var OS FS = osFS{}

// EncodeFrame is encodeFrame.
func EncodeFrame(f Frame, prev [32]byte) ([]byte, [32]byte) { return encodeFrame(f, prev) }

// DecodeFrame reads the frame that data begins with as recovery of a log that
// ends with seq next-1 and chain would, and returns its length and its header
// written anew.
func DecodeFrame(data []byte, next uint64, chain [32]byte) (n int, f Frame, err error) {
	s := &Store{next: next, chain: chain}
	n, h, err := s.nextFrame(data)
	if err != nil {
		return n, f, err
	}
	return n, Frame{Epoch: h.epoch, First: h.first, Count: h.count, Payload: data[headerSize:n]}, nil
}

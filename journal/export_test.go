package journal

// What the tests outside the package need of the format.
const HeaderSize = headerSize

// OS is the machine's file system.
var OS FS = osFS{}

// EncodeFrame writes a frame whose payload is not compressed.
func EncodeFrame(f Frame, prev [32]byte) ([]byte, [32]byte) { return encodeFrame(f, 0, prev) }

// EncodeStored writes a frame whose payload is as flags say.
func EncodeStored(f Frame, flags uint32, prev [32]byte) ([]byte, [32]byte) {
	return encodeFrame(f, flags, prev)
}

// DecodeFrame reads the frame that data begins with as recovery of a log that
// ends with seq next-1 and chain would, and returns its length, and the frame
// and its flags as they stand there.
func DecodeFrame(data []byte, next uint64, chain [32]byte) (n int, f Frame, flags uint32, err error) {
	w := walker{next: next, chain: chain}
	n, h, err := w.frame(data)
	if err != nil {
		return n, f, 0, err
	}
	return n, Frame{Epoch: h.epoch, First: h.first, Count: h.count, Payload: data[headerSize:n]}, h.flags, nil
}

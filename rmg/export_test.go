package rmg

// DecodeObject decodes the object that begins at data as a store would, whatever
// its checksum.
func DecodeObject(data []byte) {
	u := unpacker{store: NewStore(nil, nil, 0), cborReader: cborReader{data: data}}
	n := u.node()
	if u.err == nil {
		new(hasher).node(n)
		n.get("x")
	}
}

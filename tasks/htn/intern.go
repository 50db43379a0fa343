package htn

// interner numbers tuples: a head and its arguments. Numbers are given in the
// order of arrival. It is a table with open addressing over one arena, since most
// of what a planner does is to look tuples up.
type interner struct {
	head []int32
	off  []int32 // of the arguments; one more than there are tuples
	args []int32
	// table holds the lower half of a hash above a number + 1, or 0: what is another
	// tuple is seen by its hash, without a look at the tuple.
	table []uint64
}

func newInterner() *interner { return &interner{off: []int32{0}, table: make([]uint64, 64)} }

func (in *interner) clone() *interner {
	return &interner{
		head: append([]int32(nil), in.head...), off: append([]int32(nil), in.off...),
		args: append([]int32(nil), in.args...), table: append([]uint64(nil), in.table...),
	}
}

func (in *interner) len() int { return len(in.head) }

func (in *interner) tuple(id int32) []int32 { return in.args[in.off[id]:in.off[id+1]:in.off[id+1]] }

func hashTuple(head int32, args []int32) uint64 {
	h := uint64(uint32(head))*0x9e3779b97f4a7c15 + 0x632be59bd9b4e019
	for _, a := range args {
		h = (h ^ uint64(uint32(a))) * 0xff51afd7ed558ccd
		h ^= h >> 32
	}
	return h
}

// find returns the number of a tuple, or -1.
func (in *interner) find(head int32, args []int32) int32 {
	return in.lookUp(uint32(hashTuple(head, args)), head, args)
}

func (in *interner) lookUp(h uint32, head int32, args []int32) int32 {
	mask := uint32(len(in.table) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		x := in.table[i]
		if x == 0 {
			return -1
		}
		if id := int32(uint32(x)) - 1; uint32(x>>32) == h && in.is(id, head, args) {
			return id
		}
	}
}

func (in *interner) is(id, head int32, args []int32) bool {
	if in.head[id] != head || int(in.off[id+1]-in.off[id]) != len(args) {
		return false
	}
	have := in.args[in.off[id]:]
	for i, a := range args {
		if have[i] != a {
			return false
		}
	}
	return true
}

// add numbers a tuple, and says whether it is new.
func (in *interner) add(head int32, args []int32) (id int32, fresh bool) {
	h := uint32(hashTuple(head, args))
	if id = in.lookUp(h, head, args); id >= 0 {
		return id, false
	}
	if 2*(len(in.head)+1) > len(in.table) {
		old := in.table
		in.table = make([]uint64, 2*len(old))
		for _, x := range old {
			if x != 0 {
				in.place(x)
			}
		}
	}
	id = in.put(head, args)
	in.place(uint64(h)<<32 | uint64(uint32(id+1)))
	return id, true
}

// put numbers a tuple that is not looked for: it is known to be new.
func (in *interner) put(head int32, args []int32) int32 {
	in.head = append(in.head, head)
	in.args = append(in.args, args...)
	in.off = append(in.off, int32(len(in.args)))
	return int32(len(in.head) - 1)
}

func (in *interner) place(x uint64) {
	mask := uint32(len(in.table) - 1)
	i := uint32(x>>32) & mask
	for in.table[i] != 0 {
		i = (i + 1) & mask
	}
	in.table[i] = x
}

// mix is the finaliser of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// sum is a hash of 128 bits.
type sum [2]uint64

func (s sum) xor(t sum) sum { return sum{s[0] ^ t[0], s[1] ^ t[1]} }

// sumOf hashes one number.
func sumOf(x uint64) sum { return sum{mix(x), mix(x ^ 0xa5a5a5a5deadbeef)} }

// then hashes a sum and a number, in order.
func (s sum) then(x uint64) sum {
	return sum{mix(s[0]*0x9ddfea08eb382d69 ^ x), mix(s[1]*0xc6a4a7935bd1e995 + x)}
}

// sums is a set of sums.
type sums struct {
	table []sum
	n     int
}

// add puts a sum in, and says whether it is new.
func (t *sums) add(s sum) bool {
	if s == (sum{}) {
		s = sum{1, 1}
	}
	if 3*(t.n+1) > 2*len(t.table) {
		old := t.table
		t.table = make([]sum, max(1024, 2*len(old)))
		for _, o := range old {
			if o != (sum{}) {
				t.put(o)
			}
		}
	}
	if !t.put(s) {
		return false
	}
	t.n++
	return true
}

func (t *sums) put(s sum) bool {
	mask := uint64(len(t.table) - 1)
	for i := s[0] & mask; ; i = (i + 1) & mask {
		switch t.table[i] {
		case sum{}:
			t.table[i] = s
			return true
		case s:
			return false
		}
	}
}

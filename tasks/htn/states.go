package htn

// stateSet numbers states, each kept once.
type stateSet struct {
	words int
	all   []uint64
	table []int32 // number + 1, or 0
	n     int
}

func newStateSet(words int) *stateSet { return &stateSet{words: words, table: make([]int32, 1024)} }

func (t *stateSet) at(i int32) bits {
	return bits(t.all[int(i)*t.words : (int(i)+1)*t.words : (int(i)+1)*t.words])
}

func (t *stateSet) hash(s bits) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, w := range s {
		h = mix(h ^ w)
	}
	return h
}

// add returns a state's number.
func (t *stateSet) add(s bits) int32 {
	if 2*(t.n+1) > len(t.table) {
		t.table = make([]int32, 2*len(t.table))
		for i := range int32(t.n) {
			t.table[t.slot(t.at(i))] = i + 1
		}
	}
	k := t.slot(s)
	if t.table[k] == 0 {
		t.all = append(t.all, s...)
		t.n++
		t.table[k] = int32(t.n)
	}
	return t.table[k] - 1
}

// slot is where a state stands in the table, or would.
func (t *stateSet) slot(s bits) uint64 {
	mask := uint64(len(t.table) - 1)
	k := t.hash(s) & mask
	for t.table[k] != 0 && !t.at(t.table[k]-1).equal(s) {
		k = (k + 1) & mask
	}
	return k
}

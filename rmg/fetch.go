package rmg

// What a walk waits for is memory. The functions here read a little of each of
// several things before the walk comes to them: a loop so small lets a processor
// have ten reads under way, where the walk itself would wait for each in turn.
// None is inlined, lest the compiler sees that nobody asks for the sum.

// touch reads the beginning of records.
//
//go:noinline
func touch(recs []*record) (sum uint16) {
	for _, r := range recs {
		sum += r.nid
	}
	return sum
}

// fetchTexts reads the end of the texts of records, and with it their beginning.
//
//go:noinline
func fetchTexts(recs []*record) (sum byte) {
	for _, r := range recs {
		sum += r.data[len(r.data)-1]
	}
	return sum
}

// fetchSums reads the digests of nodes, of those that have one.
//
//go:noinline
func fetchSums(nodes []*node) (sum byte) {
	for _, n := range nodes {
		if s := n.sealed().Load(); s != nil {
			sum += s.sum[len(Digest{})-1]
		}
	}
	return sum
}

// fetchDigests reads digests that stand together.
//
//go:noinline
func fetchDigests(ds []Digest) (sum byte) {
	for i := range ds {
		sum += ds[i][0]
	}
	return sum
}

// fetchRecords reads the beginning of the records of buckets.
//
//go:noinline
func fetchRecords(nodes []*node) (sum uint16) {
	for _, n := range nodes {
		sum += uint16(n.bits.Load())
	}
	for _, n := range nodes {
		if n.bits.Load()&(isBranch|isStub) == 0 {
			sum += touch(n.asBucket().recs())
		}
	}
	return sum
}

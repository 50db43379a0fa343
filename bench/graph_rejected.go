package main

import (
	"slices"

	"jitos.dev/bench/peers"
	"jitos.dev/bench/rejected"
)

// rejectedRows put the structures that the graph is not made of beside it: all
// are persistent, canonical and hashed. The graph validates paths and props and
// keeps room for edges, which they do not.
func rejectedRows(n int) []measure {
	stands := func() []stand { return fieldOf("rejected", n, append(rejected.All(), graphPeer)) }
	rows := []struct {
		name string
		run  func([]stand, int) (row, error)
	}{
		{"get", getRow},
		{"update", updateRow},
		{"edit100", edit100Row},
		{"insert100", insert100Row},
		{"page", func(s []stand, n int) (row, error) { return pageRow(s, n, false) }},
		{"page/kinds", func(s []stand, n int) (row, error) { return pageRow(s, n, true) }},
		{"memory", func(s []stand, _ int) (row, error) { return bytesRow(s) }},
		{"overlaymem", overlayRow},
		{"digest100", digest100Row},
	}
	var out []measure
	for _, r := range rows {
		out = append(out, measure{"rmg/rejected/" + r.name, func() (row, error) { return r.run(stands(), n) }})
	}
	return out
}

// digester is a map with a digest.
type digester interface {
	peers.Map
	Digest() rejected.Digest
}

// digest100Row is the time of the digest of a version with a hundred changes,
// whose base has one, for each of them.
func digest100Row(stands []stand, n int) (row, error) {
	for _, s := range stands {
		s.m.(digester).Digest()
	}
	const versions, changes = 20, 100
	return compare(stands, "ns a key", anyPeer, func(s stand, seed int) (float64, error) {
		var all []digester
		for items := range slices.Chunk(sample(n, versions*changes, seed), changes) {
			all = append(all, s.m.Edit(items).(digester))
		}
		t, err := nanoseconds(func() error {
			for _, v := range all {
				v.Digest()
			}
			return nil
		})
		return t / versions / changes, err
	})
}

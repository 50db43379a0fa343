package wire

import (
	"cmp"
	"slices"
	"strings"
)

// nearEnough is how many letters may be wrong, missing or too many: one in three.
func nearEnough(word string) int { return max(1, len([]rune(word))/3) }

// Nearest returns those of a list that may have been meant by a word, nearest
// first, in the list's order where they are as near; at most five. It costs the
// product of the words' lengths for each.
func Nearest(word string, list []string) []string {
	type near struct {
		word string
		far  int
	}
	var found []near
	for _, w := range list {
		if w == word {
			continue
		}
		far := distance([]rune(strings.ToLower(word)), []rune(strings.ToLower(w)))
		if far <= nearEnough(word) {
			found = append(found, near{w, far})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Compare(a.far, b.far) })
	var out []string
	for _, n := range found[:min(len(found), 5)] {
		out = append(out, n.word)
	}
	return out
}

// distance counts the letters to change, to add, to take away and to swap with
// their neighbour between two words.
func distance(a, b []rune) int {
	before := make([]int, len(b)+1) // two rows back
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

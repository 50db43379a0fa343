package semver

import (
	"cmp"
	"slices"
)

// Compare is -1, 0 or 1 when a comes before, with or after b.
func Compare(a, b Version) int {
	if c := cmp.Or(
		cmp.Compare(a.Major, b.Major),
		cmp.Compare(a.Minor, b.Minor),
		cmp.Compare(a.Patch, b.Patch),
	); c != 0 {
		return c
	}
	return comparePre(a.Pre, b.Pre)
}

// comparePre orders pre-releases. A version without one comes after all that
// have one.
func comparePre(a, b []string) int {
	switch {
	case len(a) == 0 && len(b) == 0:
		return 0
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return slices.CompareFunc(a, b, compareIdentifier)
}

// compareIdentifier orders numbers by value, before all that is no number.
func compareIdentifier(a, b string) int {
	m, aNum := number(a)
	n, bNum := number(b)
	switch {
	case aNum && bNum:
		return cmp.Compare(n, m)
	case aNum:
		return -1
	case bNum:
		return 1
	}
	return cmp.Compare(a, b)
}

// Sort sorts versions, the oldest first.
func Sort(vs []Version) { slices.SortFunc(vs, Compare) }

// Latest is the newest release; ok is false when all are pre-releases.
func Latest(vs []Version) (latest Version, ok bool) {
	for _, v := range vs {
		if len(v.Pre) > 0 {
			continue
		}
		if !ok || Compare(v, latest) > 0 {
			latest, ok = v, true
		}
	}
	return latest, ok
}

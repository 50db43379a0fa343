package kernel

import (
	"strings"

	"jitos.dev/rmg"
)

// matchAny reports whether one of the globs matches.
func matchAny(globs []string, rel string) bool {
	for _, g := range globs {
		if globMatch(g, rel) {
			return true
		}
	}
	return false
}

// globMatch matches path against a glob: "*" and "?" within a segment, "**" for
// any number of segments, a pattern without "/" against the whole path only.
func globMatch(glob, name string) bool {
	return segsMatch(strings.Split(glob, "/"), strings.Split(name, "/"))
}

func segsMatch(gs, ns []string) bool {
	for len(gs) > 0 {
		if gs[0] == "**" {
			for i := 0; i <= len(ns); i++ {
				if segsMatch(gs[1:], ns[i:]) {
					return true
				}
			}
			return false
		}
		if len(ns) == 0 || !segMatch(gs[0], ns[0]) {
			return false
		}
		gs, ns = gs[1:], ns[1:]
	}
	return len(ns) == 0
}

// segMatch matches one segment by the greedy two-pointer method: linear but
// for one backtrack point, so that no glob is slow.
func segMatch(g, s string) bool {
	gi, si, star, mark := 0, 0, -1, 0
	for si < len(s) {
		switch {
		case gi < len(g) && g[gi] == '*':
			star, mark = gi, si
			gi++
		case gi < len(g) && (g[gi] == '?' || g[gi] == s[si]):
			gi++
			si++
		case star >= 0:
			mark++
			gi, si = star+1, mark
		default:
			return false
		}
	}
	for gi < len(g) && g[gi] == '*' {
		gi++
	}
	return gi == len(g)
}

// The shape of a policy's globs.
const (
	maxGlobSegments = 32
	maxGlobStars    = 4 // "**" in one glob: each multiplies what matching may cost
)

// glob is a place as a policy writes it: one that begins with "/" is a path of
// the graph, any other is relative to the branch that a file stands in, as
// paths on the command line are.
type glob struct {
	segs     []string
	relative bool
	weight   int // how closely it names a place
}

// parseGlob reads a glob; why is empty if it can be one.
func parseGlob(text string) (g glob, why string) {
	body, rooted := strings.CutPrefix(text, "/")
	g = glob{relative: !rooted}
	if body == "" && rooted {
		return g, ""
	}
	g.segs = strings.Split(body, "/")
	if len(g.segs) > maxGlobSegments {
		return g, "it has more than 32 segments"
	}
	if g.relative {
		g.weight = 4 + 1 + 1 // as /repo/*/*/ would count
	}
	stars := 0
	for _, s := range g.segs {
		switch {
		case s == "":
			return g, "it has an empty segment"
		case s == "**":
			stars++
		case s == "*":
			g.weight++
		case strings.ContainsAny(s, "*?"):
			g.weight += 2
		default:
			g.weight += 4
		}
	}
	if stars > maxGlobStars {
		return g, "it has more than 4 \"**\""
	}
	return g, ""
}

// mayHold looks at the first segment alone, which rules out most of what a glob
// is asked about.
func (g glob) mayHold(name string) bool {
	if len(g.segs) == 0 || strings.ContainsAny(g.segs[0], "*?") {
		return true
	}
	rest, ok := strings.CutPrefix(name, g.segs[0])
	return ok && (rest == "" || rest[0] == '/')
}

// matches reports whether a path of the graph is one that the glob means. "**"
// at the end means the place itself, too.
func (g glob) matches(p rmg.Path) bool {
	if g.relative {
		if !inRepo(p) {
			return false
		}
		b, ok := branchOf(p)
		if !ok {
			return false
		}
		rel, ok := relTo(b, p)
		return ok && rel != "" && segsMatch(g.segs, strings.Split(rel, "/"))
	}
	if p == rmg.Root {
		return segsMatch(g.segs, nil)
	}
	if !g.mayHold(string(p)[1:]) {
		return false
	}
	return segsMatch(g.segs, strings.Split(string(p)[1:], "/"))
}

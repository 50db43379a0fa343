package repair

import "math"

// sort tells the changes of one operator apart by what they do to a place: the
// prior is counted for each operator and sort.
type sort string

// likely is what an operator says of a change: its sort, and by how much it comes
// before others of that sort at the same place.
type likely struct {
	sort  sort
	nudge float64
}

// by is the same sort of change with another place among its like.
func (l likely) by(nudge float64) likely { return likely{l.sort, l.nudge + nudge} }

// of is the prior of the change: that of its class, nudged.
func (l likely) of(operator string) float64 { return prior(operator, l.sort) * (1 + l.nudge) }

// The sorts of change.
var (
	asExact   = likely{sort: "neighbour"} // one token for its neighbour: < and <=, && and ||, + and -
	asNear    = likely{sort: "near"}      // a constant off by one, a swapped pair, the negation of a comparison
	asName    = likely{sort: "name"}      // another variable, constant or method of the same type
	asOther   = likely{sort: "other"}     // a less likely token, a negation
	asGuard   = likely{sort: "guard"}     // a check that is missing
	asRemove  = likely{sort: "less"}      // something taken away
	asRemote  = likely{sort: "remote"}    // literals from elsewhere in the file
	asUnalike = likely{sort: "unalike"}
)

// counted is how often a class of change was the fix of a commit, and how often it
// was offered in the functions that such commits changed.
type counted struct{ fixes, offered int }

// A class that was never the fix is not impossible: each class is taken to have
// been the fix so often more, among so many more that were offered.
const (
	priorFixes   = 0.5
	priorOffered = 200
)

// temper is the root that is taken of a rate. A rate differs between classes by a
// factor of hundreds where suspicion differs by ten, and it is the suspicion that
// is of this bug.
const temper = 4

// prior is how likely, among changes of equally suspicious lines, one of a class
// is the fix, from 0 to 1.
func prior(operator string, s sort) float64 {
	c := priors[operator+"/"+string(s)]
	return math.Pow((float64(c.fixes)+priorFixes)/(float64(c.offered)+priorOffered), 1.0/temper)
}

// priors was counted; see docs/design/0011-workers.md. A test holds it, and the
// operators, to what they were when the number there was taken.
var priors = map[string]counted{}

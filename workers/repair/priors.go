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
var priors = map[string]counted{
	"arithmetic operator/less":      {0, 568},
	"arithmetic operator/name":      {0, 1},
	"arithmetic operator/near":      {0, 160},
	"arithmetic operator/neighbour": {1, 1295},
	"arithmetic operator/other":     {0, 123},
	"arithmetic operator/remote":    {0, 63},
	"arithmetic operator/unalike":   {0, 387},
	"assignment operator/less":      {0, 315},
	"assignment operator/near":      {0, 19},
	"assignment operator/neighbour": {0, 100},
	"assignment operator/other":     {1, 3161},
	"assignment operator/remote":    {0, 89},
	"assignment operator/unalike":   {0, 315},
	"boolean operator/neighbour":    {1, 1153},
	"branch/name":                   {0, 457},
	"comparison/less":               {1, 6492},
	"comparison/near":               {0, 862},
	"comparison/neighbour":          {7, 4108},
	"comparison/other":              {1, 862},
	"comparison/unalike":            {1, 4740},
	"constant/less":                 {0, 26716},
	"constant/name":                 {0, 3985},
	"constant/near":                 {1, 5478},
	"constant/neighbour":            {4, 793},
	"constant/remote":               {1, 44012},
	"constant/unalike":              {0, 2610},
	"dropped bound/less":            {0, 16},
	"dropped condition/less":        {5, 2306},
	"dropped condition/unalike":     {0, 8524},
	"dropped operand/less":          {0, 1043},
	"dropped operand/unalike":       {1, 1043},
	"dropped statement/less":        {2, 5401},
	"dropped statement/unalike":     {2, 7096},
	"len for cap/remote":            {0, 885},
	"max for min/neighbour":         {0, 2},
	"min for max/neighbour":         {0, 6},
	"missing check/guard":           {1, 138206},
	"missing condition/guard":       {3, 29694},
	"missing condition/less":        {2, 118176},
	"missing error check/near":      {0, 119},
	"negated condition/less":        {0, 750},
	"negated condition/near":        {0, 1390},
	"negated condition/other":       {1, 539},
	"off by one/name":               {0, 1074},
	"off by one/near":               {0, 2041},
	"off by one/other":              {0, 5540},
	"off by one/unalike":            {0, 90},
	"returned error/less":           {0, 1193},
	"returned error/name":           {1, 919},
	"shadowed variable/name":        {0, 2784},
	"slice bounds/name":             {1, 378},
	"swapped arguments/less":        {0, 215},
	"swapped arguments/near":        {0, 1594},
	"swapped fields/less":           {0, 55},
	"swapped fields/near":           {0, 99},
	"swapped operands/name":         {1, 378},
	"swapped results/less":          {0, 2},
	"swapped results/near":          {0, 10},
	"swapped statements/less":       {3, 3303},
	"swapped values/near":           {0, 52},
	"wrong constant/name":           {2, 4303},
	"wrong function/other":          {0, 610},
	"wrong name/name":               {2, 15927},
	"wrong name/other":              {1, 3686},
	"wrong variable/guard":          {4, 11623},
	"wrong variable/less":           {0, 2912},
	"wrong variable/name":           {4, 35270},
	"wrong variable/other":          {1, 5850},
}

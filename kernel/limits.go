package kernel

import (
	"fmt"
	"sync"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// The limits of workspaces where the policy says nothing else. Each can be set as
// a prop of /policy in the world, by the name that follows it; 0 there is none.
const (
	defaultLiveMax    = 100_000   // sws_live_max: workspaces open at once
	defaultRecordsMax = 10_000    // sws_records_max: rewrites in one
	defaultOpsMax     = 2_000_000 // sws_ops_max: ops in all rewrites of one
	defaultBytesMax   = 8 << 30   // sws_bytes_max: bytes of content in them
	defaultDiskMax    = 256 << 30 // disk_max: bytes in the data folder
	defaultQueueOwn   = 1024      // queue_own_max: requests of one owner that wait for the writer
	defaultRuleFuel   = 1000      // rule_fuel: records that one record may have reactive rules make; at most maxRuleFuel
)

// How long what is discarded is kept is a prop of /policy too: keep_discarded, a
// duration after which a gc may give up the contents of a discarded workspace.
// Without it they are kept for ever. keep_marks is how many of the newest marks
// (see mark) a gc keeps: an older version is then folded from the log, which takes
// longer. Without it, or with 0, all are kept.

// policyPath is where limits are read from: the world's own head, never a
// workspace.
const policyPath = rmg.Path("/policy")

// limits are those of the moment.
type limits struct {
	live, records, ops, bytes, disk int64
	ruleFuel                        int
	queueOwn                        int64         // requests of one owner that may wait for the writer
	ttl                             time.Duration // of a workspace made by hand; 0 for none
	marks                           uint64        // how many of the newest marks a gc keeps; 0 for all
	discarded                       time.Duration // for how long contents of discarded workspaces are kept; negative for ever
}

// limitsOf reads the limits from a world. What is there and is no number, or no
// time, is as if it were not there.
func limitsOf(world rmg.Graph) limits {
	e, _ := world.Get(policyPath)
	number := func(name string, other int64) int64 {
		v, _ := e.Props.Get(name)
		if n, ok := v.AsInt(); ok && n >= 0 {
			return n
		}
		return other
	}
	duration := func(name string) (time.Duration, bool) {
		text := e.Props.String(name)
		if text == "" {
			return 0, false
		}
		d, err := time.ParseDuration(text)
		return d, err == nil
	}
	l := limits{
		live: number("sws_live_max", defaultLiveMax), records: number("sws_records_max", defaultRecordsMax),
		ops: number("sws_ops_max", defaultOpsMax), bytes: number("sws_bytes_max", defaultBytesMax),
		disk: number("disk_max", defaultDiskMax),
	}
	if d, ok := duration("sws_ttl"); ok && d >= minTTL && d <= maxTTL {
		l.ttl = d
	}
	if l.ruleFuel = int(min(number("rule_fuel", defaultRuleFuel), maxRuleFuel)); l.ruleFuel == 0 {
		l.ruleFuel = maxRuleFuel
	}
	l.queueOwn = number("queue_own_max", defaultQueueOwn)
	l.marks = uint64(number("keep_marks", 0))
	l.discarded = -1
	if d, ok := duration("keep_discarded"); ok && d >= 0 {
		l.discarded = d
	}
	return l
}

// over reports whether n is beyond a limit that is one.
func over(n, most int64) bool { return most > 0 && n > most }

// roomFor refuses a fork where too many workspaces are open or the disk is at
// its ceiling, and gives one made by hand the policy's ttl. Nothing is removed to
// make room: that is for a person to say.
func (k *Kernel) roomFor(x *forkSpec) error {
	now := k.now()
	l := limitsOf(now.world)
	if open := k.openAtMost(now.ledger, l.live); over(int64(open)+1, l.live) {
		return &rmg.Error{
			Op: "fork", Code: rmg.Limit, Msg: fmt.Sprintf("%d workspaces are open, and sws_live_max is %d", open, l.live),
			Hint: "jitos sws list shows them; discard what is not needed, or raise sws_live_max in /policy",
		}
	}
	if used, known := k.disk.used(k.opt); known && l.disk > 0 && used >= l.disk {
		return &rmg.Error{
			Op: "fork", Code: rmg.Limit, Msg: fmt.Sprintf("the data folder holds %d bytes; the ceiling disk_max is %d", used, l.disk),
			Hint: "nothing is removed by itself: jitos gc --dry-run says what can go; or raise disk_max in /policy",
		}
	}
	if x.ttl == 0 && x.process == "" {
		x.ttl = l.ttl
	}
	return nil
}

// openAtMost is how many workspaces are open, or a greater number that leaves
// room for one more as well: all that there ever were, which costs nothing to know.
func (k *Kernel) openAtMost(ledger rmg.Graph, most int64) int {
	e, _ := ledger.Get(swsRoot)
	if all, _ := e.Graph.Len(); !over(int64(all)+1, most) {
		return all
	}
	return k.roster.live(ledger)
}

// quota refuses a rewrite that takes a workspace beyond what one may hold.
func (f *fold) quota(e rmg.Element, ops []rewrite.Op) error {
	l := limitsOf(f.world())
	for _, q := range []struct {
		name      string
		had, more int64
		most      int64
		what      string
	}{
		{"sws_records_max", e.Props.Int("records"), 1, l.records, "rewrites"},
		{"sws_ops_max", e.Props.Int(propOps), int64(len(ops)), l.ops, "ops"},
		{"sws_bytes_max", e.Props.Int(propBytes), weightOf(ops), l.bytes, "bytes of content"},
	} {
		if over(q.had+q.more, q.most) {
			return &rmg.Error{
				Op: "rewrite", Path: swsPath(e.ID), Code: rmg.Limit,
				Msg:  fmt.Sprintf("the workspace holds %d %s; with this rewrite it were %d, and %s is %d", q.had, q.what, q.had+q.more, q.name, q.most),
				Hint: "collapse it and go on in a new one, or raise " + q.name + " in /policy",
			}
		}
	}
	return nil
}

// withSpaceFacts checks a rewrite of a workspace against its quota, and adds to
// it what has been read through the workspace since its last record.
func (k *Kernel) withSpaceFacts(f *fold, v Version, ops []rewrite.Op) ([]rewrite.Op, error) {
	if v.Space == "" {
		return ops, nil
	}
	e, ok := f.ledger.Get(swsPath(v.Space))
	if !ok {
		return nil, noSpace(v.Space)
	}
	if err := f.quota(e, ops); err != nil {
		return nil, err
	}
	return append(k.reads.ops(e), ops...), nil
}

// diskLook is how long a look at the data folder is good for.
const diskLook = 10 * time.Second

// disk remembers how much the data folder held when it was last looked at.
type disk struct {
	mu    sync.Mutex // guards the fields below
	bytes int64
	known bool
	at    time.Time
}

// measured is a journal that knows how many bytes it holds on disk.
type measured interface{ Size() (int64, error) }

// used is how many bytes the data folder holds, as of a moment ago; not known
// where the journal cannot tell.
func (d *disk) used(opt Options) (int64, bool) {
	j, ok := opt.Journal.(measured)
	if !ok {
		return 0, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := opt.Clock.Now()
	if past := now.Sub(d.at); d.known && past >= 0 && past < diskLook {
		return d.bytes, true
	}
	n, err := j.Size()
	if err != nil {
		return 0, false // a ceiling that cannot be measured holds nobody up
	}
	d.bytes, d.known, d.at = n, true, now
	return n, true
}

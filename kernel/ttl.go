package kernel

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

// How long a workspace may be asked to stay open, and how many one sweep drops.
const (
	minTTL   = time.Second
	maxTTL   = 10 * 365 * 24 * time.Hour
	maxSweep = 1000
)

// Sweep discards the workspaces whose time is over, and returns how many. That
// it is over is found out here, by the clock, and recorded; the fold of the
// record looks at no clock. Nothing of theirs is removed: restore brings one
// back, for as long as it was given in the first place.
func (k *Kernel) Sweep(ctx context.Context) (int, error) {
	due := k.roster.due(k.now().ledger, k.opt.Clock.Now(), maxSweep)
	if len(due) == 0 {
		return 0, nil
	}
	n := 0
	_, err := k.systemWith(ctx, "kernel", "ttl", fmt.Sprintf("the time of %s is over", plural(len(due), "workspace")), func(f *fold, _ uint64) ([]rewrite.Op, error) {
		var ops []rewrite.Op
		for _, id := range due {
			e, ok := f.ledger.Get(swsPath(id))
			if ok && spaceState(e.Props) == spaceOpen && expired(e.Props, k.lastAt) {
				ops = append(ops, discardOp(id, "ttl of "+TTLText(ttlOf(e.Props))+" passed"))
			}
		}
		n = len(ops)
		if n == 0 {
			return nil, errNothing
		}
		return ops, nil
	})
	if errors.Is(err, errNothing) {
		return 0, nil
	}
	return n, err
}

// expired reports whether a workspace's time is over.
func expired(p rmg.Props, at time.Time) bool {
	ms := p.Int(propExpires)
	return ms != 0 && ms <= at.UnixMilli()
}

func ttlOf(p rmg.Props) time.Duration { return time.Duration(p.Int(propTTL)) * time.Millisecond }

// TTLText prints "2h" where a duration prints "2h0m0s".
func TTLText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

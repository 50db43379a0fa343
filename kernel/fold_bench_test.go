package kernel

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
)

const benchNodes = 100_000

// benchState is a world of many nodes of three props.
func benchState(b *testing.B, n int) *fold {
	b.Helper()
	f := foldOn(version{}, nil)
	for at := 0; at < n; {
		var ops []rewrite.Op
		for ; len(ops) < 1000 && at < n; at++ {
			ops = append(ops, addOp(benchPath(at), "N", map[string]rmg.Value{"a": rmg.Int(int64(at)), "b": rmg.String("text"), "c": rmg.Bool(true)}))
		}
		if err := f.apply(Record{Seq: f.seq + 1, View: "system", Ops: ops}); err != nil {
			b.Fatal(err)
		}
	}
	return f
}

func benchPath(i int) rmg.Path { return rmg.Path(fmt.Sprintf("/n%016x", uint64(i)*0x9e3779b97f4a7c15)) }

// benchTicks are ticks of one record of one op each.
func benchTicks(n, from, nodes int) []tick {
	ticks := make([]tick, n)
	for i := range ticks {
		seq := uint64(from + i)
		ticks[i] = tick{number: seq, records: []Record{{
			Seq: seq, Tick: seq, At: time.UnixMilli(1_700_000_000_000), View: "system", Author: "ada@host", Reason: "count",
			Ops: []rewrite.Op{setOp(benchPath(int(seq*7919)%nodes), map[string]rmg.Value{"a": rmg.Int(int64(seq))})},
		}}}
	}
	return ticks
}

func BenchmarkDecode(b *testing.B) {
	data, err := encodeTicks(benchTicks(256, 1, benchNodes), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	began := cpu()
	for b.Loop() {
		if _, err := decodeTicks(data, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(256*float64(b.N)/(cpu()-began).Seconds(), "records/cpu-s")
}

// BenchmarkFold folds frames of 256 ticks of one record: without digests, with
// those of the last tick of each frame as a start does, and with every one.
func BenchmarkFold(b *testing.B) {
	for _, bb := range []struct {
		name  string
		every int
	}{{"none", 1 << 30}, {"frame", 256}, {"tick", 1}} {
		b.Run(bb.name, func(b *testing.B) {
			f := benchState(b, benchNodes)
			f.world().Digest()
			ticks := benchTicks(1<<15, int(f.seq)+1, benchNodes)
			b.ReportAllocs()
			n, began := 0, cpu()
			for b.Loop() {
				t := ticks[n%len(ticks)]
				if err := f.tickOf(t); err != nil {
					b.Fatal(err)
				}
				if n++; n%bb.every == 0 {
					f.world().Digest()
					f.ledger.Digest()
				}
			}
			b.ReportMetric(float64(b.N)/(cpu()-began).Seconds(), "records/cpu-s")
		})
	}
}

// cpu is the processor time that the process used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

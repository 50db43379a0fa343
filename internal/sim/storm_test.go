package sim

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"jitos.dev/kernel"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

// stormSteps is how many requests a seed makes, and stormSeeds how many seeds are
// tried where JITOS_SEEDS does not say so.
const (
	stormSteps = 40
	stormSeeds = 250
)

// weather runs one seed in a bubble of its own, in which nothing waits for real
// time, and returns what its world and ledger came to, and what happened.
func weather(t *testing.T, seed uint64, lib *tasks.Library) (end string, hits map[string]int) {
	t.Helper()
	ok := t.Run(fmt.Sprint(seed), func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newStorm(seed, lib)
			defer func() {
				if s.sys != nil {
					_ = s.sys.close() // closed already, or damaged
				}
			}()
			if err := s.run(stormSteps); err != nil {
				t.Fatalf("%v\nwith %v\nrepeat with JITOS_SEED=%d go test -run TestSimStorm ./internal/sim", err, s.hits, seed)
			}
			end = fmt.Sprintf("%d %x %s", len(s.log), s.rnd.Uint64(), s.log[len(s.log)-1])
			st := s.heads
			for _, k := range slices.Sorted(maps.Keys(st)) {
				end += " " + st[k].String()[:8]
			}
			hits = s.hits
		})
	})
	if !ok {
		t.FailNow()
	}
	return end, hits
}

func stormTasks(t *testing.T) *tasks.Library {
	t.Helper()
	return must(tasks.Load(tasks.Source{Name: "storm.yaml", Data: []byte(stormLibrary)}))(t)
}

// TestSimStorm lets clients, workers and faults loose on kernel and journal, many
// seeds one after another: nothing acknowledged is lost or doubled, the world is
// what a plain model of the log says, every old version reads as it did.
// JITOS_SEED repeats one seed, JITOS_SEEDS says how many are tried, and JITOS_FROM
// from which one on.
func TestSimStorm(t *testing.T) {
	lib := stormTasks(t)
	if s := os.Getenv("JITOS_SEED"); s != "" {
		n := must(strconv.ParseUint(s, 10, 64))(t)
		_, hits := weather(t, n, lib)
		t.Log(hits)
		return
	}
	most := stormSeeds
	if s := os.Getenv("JITOS_SEEDS"); s != "" {
		most = must(strconv.Atoi(s))(t)
	}
	began, first := time.Now(), from(t)
	all, n := map[string]int{}, 0
	var mu sync.Mutex // guards all and n
	next := func() (uint64, bool) {
		mu.Lock()
		defer mu.Unlock()
		if n >= most {
			return 0, false
		}
		n++
		return first + uint64(n-1), true
	}
	t.Run("lanes", func(t *testing.T) {
		for lane := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(lane), func(t *testing.T) {
				t.Parallel()
				for seed, more := next(); more; seed, more = next() {
					_, hits := weather(t, seed, lib)
					mu.Lock()
					for k, v := range hits {
						all[k] += v
					}
					mu.Unlock()
				}
			})
		}
	})
	t.Logf("%d seeds from %d, %.0f a second: %v", n, first, float64(n)/time.Since(began).Seconds(), all)
	for _, what := range append(slices.Concat(actions, faults), "again", "flip refused") {
		if what != "space" && n >= 100 && all[what] == 0 {
			t.Errorf("%q never happened, so nothing is said about it", what)
		}
	}
}

// sameSeeds is how many seeds are run in each of the processes that are compared.
const sameSeeds = 8

// TestSimStormElsewhere runs the same seeds in two processes, on one processor and
// on four: every version that was ever seen has the same digest.
func TestSimStormElsewhere(t *testing.T) {
	if s := os.Getenv("JITOS_ENDS"); s != "" {
		first := must(strconv.ParseUint(s, 10, 64))(t)
		for i := range uint64(sameSeeds) {
			end, _ := weather(t, first+i, stormTasks(t))
			fmt.Println("end", first+i, end)
		}
		return
	}
	n := seed(t)
	var ends []string
	for _, procs := range []string{"1", "4"} {
		cmd := exec.Command(must(os.Executable())(t), "-test.run", "^TestSimStormElsewhere$")
		cmd.Env = append(os.Environ(), "GOMAXPROCS="+procs, fmt.Sprint("JITOS_ENDS=", n))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("on %s: %v\n%s", procs, err, out)
		}
		var lines []string
		for line := range strings.Lines(string(out)) {
			if strings.HasPrefix(line, "end ") {
				lines = append(lines, line)
			}
		}
		if len(lines) != sameSeeds {
			t.Fatalf("on %s: %d seeds ended\n%s", procs, len(lines), out)
		}
		ends = append(ends, strings.Join(lines, ""))
	}
	if ends[0] != ends[1] {
		t.Errorf("on one processor\n%s\non four\n%s", ends[0], ends[1])
	}
}

// TestFullDiskStrandsNoProcess fills the disk while a process works, so that not
// even its failure can be recorded: it is interrupted, and goes on when there is
// room again.
func TestFullDiskStrandsNoProcess(t *testing.T) {
	lib := stormTasks(t)
	synctest.Test(t, func(t *testing.T) {
		s := newStorm(1, lib)
		s.ahead = -1
		if err := errors.Join(s.open(), s.settleIn()); err != nil {
			t.Fatal(err)
		}
		defer s.sys.close()
		s.git.onRun = func() { s.disk.SetRoom(0) }
		p := must(s.sys.Intent(t.Context(), ada, kernel.IntentRequest{Text: "do app", Dir: "/app"}))(t)
		p = must(s.sys.Wait(t.Context(), p.ID))(t)
		if p.Status != "interrupted" || p.Next == "" {
			t.Fatalf("%s: %s; %s", p.Status, p.Reason, p.Next)
		}
		s.git.onRun = nil
		s.disk.SetRoom(-1)
		must(s.sys.Retry(t.Context(), ada, p.ID))(t)
		if p = must(s.sys.Wait(t.Context(), p.ID))(t); p.Status != "landed" {
			t.Errorf("%s: %s", p.Status, p.Reason)
		}
	})
}

// TestFullDiskTellsThatNothingIsCancelled cancels on a full disk: the process is stopped,
// who asked hears that it is not cancelled, and it is when there is room again.
func TestFullDiskTellsThatNothingIsCancelled(t *testing.T) {
	lib := stormTasks(t)
	synctest.Test(t, func(t *testing.T) {
		s := newStorm(1, lib)
		s.ahead = -1
		if err := errors.Join(s.open(), s.settleIn()); err != nil {
			t.Fatal(err)
		}
		defer s.sys.close()
		s.git.script = "hang"
		p := must(s.sys.Intent(t.Context(), ada, kernel.IntentRequest{Text: "do app", Dir: "/app"}))(t)
		synctest.Wait()
		s.disk.SetRoom(0)
		if _, err := s.sys.Cancel(t.Context(), ada, p.ID); !errors.Is(err, &rmg.Error{Code: rmg.Unavailable}) {
			t.Errorf("on a full disk: %v", err)
		}
		if p := must(s.sys.Process(p.ID))(t); p.Status != "interrupted" {
			t.Errorf("on a full disk it is %s", p.Status)
		}
		s.disk.SetRoom(-1)
		if p := must(s.sys.Cancel(t.Context(), ada, p.ID))(t); p.Status != "cancelled" {
			t.Errorf("it is %s", p.Status)
		}
	})
}

// TestFullDiskLeavesNoLanding fills the disk between a collapse and its landing, which
// cannot even begin then: the next who comes to the branch finds it as the repository
// has it, what was cut off lands when it is asked for again, and a restart changes
// nothing.
func TestFullDiskLeavesNoLanding(t *testing.T) {
	lib := stormTasks(t)
	synctest.Test(t, func(t *testing.T) {
		s := newStorm(1, lib)
		s.ahead = -1
		if err := errors.Join(s.open(), s.settleIn()); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.sys.close() }() // of the last start
		write := func(name string) (string, error) {
			w := must(s.sys.Fork(t.Context(), ada, kernel.ForkRequest{Dir: "/app"}))(t).ID
			at := rmg.Root.Join("repo", "app", "main", name)
			must(s.sys.Rewrite(t.Context(), ada, "sws:"+w, rewrite.Rewrite{Ops: []rewrite.Op{{Op: rewrite.Write, Path: at, Blob: s.git.file}}}))(t)
			_, err := s.sys.Collapse(t.Context(), ada, w, kernel.CollapseRequest{})
			return w, err
		}
		s.git.onMake = func() { s.disk.SetRoom(0) }
		first, err := write("first.txt")
		if !errors.Is(err, &rmg.Error{Code: rmg.Unavailable}) {
			t.Fatalf("on a full disk: %v", err)
		}
		s.git.onMake = nil
		s.disk.SetRoom(-1)
		if _, err := write("second.txt"); err != nil {
			t.Fatal(err)
		}
		if _, ok := s.git.tree().Get("/first.txt"); ok {
			t.Error("what did not land came with what did")
		}
		if err := s.landings(); err != nil {
			t.Error(err)
		}
		must(s.sys.Collapse(t.Context(), ada, first, kernel.CollapseRequest{}))(t)
		if _, ok := s.git.tree().Get("/first.txt"); !ok {
			t.Error("asked for again it did not land")
		}
		if err := errors.Join(s.sys.close(), s.open(), s.landings()); err != nil {
			t.Error(err)
		}
	})
}

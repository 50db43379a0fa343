package kernel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"jitos.dev/journal"
	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// Options says what a kernel stands on. All but Logger and Proofs must be given.
type Options struct {
	Journal  Journal
	Clock    Clock
	Worktree Worktree
	// SettingUp may be nil: then a repository with a set-up file has no folders.
	SettingUp SettingUp
	// Keeper may be nil: then a backup is of the journal alone.
	Keeper  Keeper
	Runner  Runner
	Library *tasks.Library
	Logger  *slog.Logger
	Proofs  int // candidates of one branch that are proven side by side; 0 is 2
	// Draw is the source of chance; what it gives is recorded where it is used. Nil
	// gives zeroes.
	Draw func() uint64

	tuning tuning // for tests
}

// tuning is how much of the past is in memory and how often the state is kept.
// The zero value stands for the constants.
type tuning struct {
	recent            int
	mark, checkpoints uint64
}

func (t tuning) orDefault() tuning {
	if t == (tuning{}) {
		return tuning{maxRecent, markEvery, checkpointEvery}
	}
	return t
}

// Kernel owns the system. Safe for concurrent use.
type Kernel struct {
	opt     Options
	store   BlobStore
	log     *slog.Logger
	started time.Time
	epoch   uint64

	arrivals *arrivals
	writing  sync.Mutex      // held by who writes: the writer, or who submits alone
	alone    atomic.Bool     // the last frame held one request, and none waited
	ended    chan struct{}   // closed when the writer has ended
	ctx      context.Context // ends when Close begins
	stop     context.CancelFunc
	owned    sync.WaitGroup // process drivers and what they start
	writerOf sync.WaitGroup // the writer
	readOnly atomic.Pointer[string]
	current  atomic.Pointer[version]
	unnoted  chan struct{} // see noteAll

	state struct {
		sync.RWMutex // guards the fields below
		recent       recent
		news         chan struct{} // closed at the next publication
	}
	past        past
	marks       atomic.Pointer[marks] // nil: there are none
	keeper      keeper
	filled      atomic.Uint64 // seq up to which no slot is without its mark
	tune        tuning
	checkpoints []journal.Checkpoint // that the start found, from the one it took
	checked     atomic.Pointer[checked]
	runs        struct {
		sync.Mutex // guards the fields below
		live       map[string]*run
		queues     map[rmg.Path]*branchQueue
		waits      map[rmg.Path]int // approvals that a collapse of this epoch waits for
		dropped    map[string]bool  // processes of this epoch whose end could not be recorded
	}
	collecting sync.Mutex // one gc at a time; held over I/O
	turns      turns
	roster     roster
	things     things
	added      ownMethods
	reads      reads
	disk       disk
	lastAt     time.Time  // of the last frame; guarded by writing
	held       heldBase   // guarded by writing
	hash       rmg.Hasher // guarded by writing
	reactor    reactor    // guarded by writing
	proofs     proofs
	policies   struct {
		sync.Mutex             // guards the fields below
		of         rmg.Element // /policy, as the last one compiled was read from
		policy     *Policy
	}
}

// Open folds the journal, begins a new epoch, finishes or takes back landings
// that a crash cut off, and starts the writer. The journal stays the caller's
// to close, after Close.
func Open(ctx context.Context, opt Options) (*Kernel, error) {
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	k := &Kernel{
		opt: opt, store: blobs{opt.Journal.Blobs()}, log: opt.Logger,
		started: opt.Clock.Now(), epoch: opt.Journal.Epoch(),
		arrivals: newArrivals(), ended: make(chan struct{}),
	}
	k.store = told{k.store, k}
	k.ctx, k.stop = context.WithCancel(context.Background())
	k.state.news = make(chan struct{})
	k.runs.live = map[string]*run{}
	k.runs.queues = map[rmg.Path]*branchQueue{}
	k.runs.waits = map[rmg.Path]int{}
	k.runs.dropped = map[string]bool{}
	k.proofs.byKey, k.proofs.running = map[string]work.Evidence{}, map[string]chan struct{}{}
	k.current.Store(&version{})
	k.keeper.poke, k.unnoted = make(chan struct{}, 1), make(chan struct{}, 1)
	k.tune = opt.tuning.orDefault()
	k.state.recent.size = k.tune.recent
	if err := k.replay(); err != nil {
		k.stop()
		return nil, err
	}
	if err := k.rearm(); err != nil {
		k.stop()
		return nil, err
	}
	k.dropObjects()
	k.writerOf.Go(k.write)
	k.owned.Go(k.keep)
	k.owned.Go(k.noteAll)
	if len(k.checkpoints) > 1 {
		k.owned.Go(func() { k.check(k.ctx, k.checkpoints[0], k.checkpoints[1]) })
	}
	if err := guarded(func() error { return k.begin(ctx) }); err != nil {
		k.Close()
		return nil, err
	}
	return k, nil
}

// begin appends the epoch's record, and deals with what was cut off.
func (k *Kernel) begin(ctx context.Context) error {
	if _, err := k.system(ctx, "kernel", "", fmt.Sprintf("epoch %d begins", k.epoch), k.epochOps(k.now())); err != nil {
		return err
	}
	if err := k.settlePurges(); err != nil {
		return err
	}
	k.recallProofs()
	k.recallThings()
	return k.settleLandings(ctx)
}

// epochOps are those of the epoch's record.
func (k *Kernel) epochOps(now version) []rewrite.Op {
	var ops []rewrite.Op
	add := func(g rmg.Graph, p rmg.Path, kind string) {
		if _, ok := g.Get(p); !ok {
			ops = append(ops, rewrite.Op{Op: rewrite.AddNode, Path: p, Kind: kind})
		}
	}
	add(now.world, repoRoot, rewrite.KindDir)
	add(now.ledger, procRoot, rewrite.KindDir)
	add(now.ledger, swsRoot, rewrite.KindDir)
	add(now.ledger, workerRoot, rewrite.KindDir)
	add(now.ledger, purgeRoot, rewrite.KindDir)
	add(now.ledger, onceRoot, rewrite.KindDir)
	ops = append(ops, setOp(procRoot, map[string]rmg.Value{"epoch": rmg.Int(int64(k.epoch))}))
	for _, d := range k.opt.Runner.Describe() {
		add(now.ledger, workerRoot.Child(d.Name), kindWorker)
		actions := make([]rmg.Value, len(d.Actions))
		for i, a := range d.Actions {
			actions[i] = rmg.String(a)
		}
		ops = append(ops, setOp(workerRoot.Child(d.Name), map[string]rmg.Value{"summary": rmg.String(d.Summary), "actions": rmg.List(actions...)}))
	}
	return ops
}

// Close stops processes (they are interrupted, not failed), then the writer.
func (k *Kernel) Close() error {
	k.stop()
	k.owned.Wait()
	k.writerOf.Wait()
	k.keeper.Lock()
	due := k.now().seq > k.keeper.last || k.keeper.unsaved
	k.keeper.Unlock()
	if due && k.readOnly.Load() == nil {
		if err := k.markNow(true); err != nil {
			k.log.Warn("the last checkpoint was not written; the next start folds more of the log", "err", err)
		}
	}
	return nil
}

// now returns the published version of the system.
func (k *Kernel) now() version { return *k.current.Load() }

// space returns a published workspace.
func (k *Kernel) space(id string) (*space, bool) { return spaceIn(k.now().spaces, id) }

// newFold starts a private next version over what is published, for the writer:
// of the past it reads what is in memory and what it is handed.
func (k *Kernel) newFold() *fold {
	f := foldOn(k.now(), nil)
	f.held, f.hash = &k.held, &k.hash
	f.past = func(v Version) (head, error) {
		if h, ok := f.given[v]; ok {
			return h, nil
		}
		return head{}, noVersion(v)
	}
	return f
}

// publish makes durable ticks visible, and wakes who waits for news.
func (k *Kernel) publish(ticks []stepped) {
	if len(ticks) == 0 {
		return
	}
	v := ticks[len(ticks)-1].version
	k.state.Lock()
	for _, t := range ticks {
		k.state.recent.add(t)
	}
	news := k.state.news
	k.state.news = make(chan struct{})
	before := k.current.Swap(&v)
	k.state.Unlock()
	close(news)
	if v.seq/k.tune.mark > before.seq/k.tune.mark {
		poke(k.keeper.poke)
	}
	if v.wrote.unnoted() >= someUnnoted {
		poke(k.unnoted)
	}
}

// poke has who waits there do what it does, once more.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Watch returns the last published seq and, if it is not beyond after, a
// channel that is closed at the next publication (else one closed already).
func (k *Kernel) Watch(after uint64) (uint64, <-chan struct{}) {
	k.state.RLock()
	defer k.state.RUnlock()
	seq := k.current.Load().seq
	if seq > after {
		done := make(chan struct{})
		close(done)
		return seq, done
	}
	return seq, k.state.news
}

// Status describes the daemon.
func (k *Kernel) Status() Status {
	now := k.now()
	st := Status{
		Seq: now.seq, Tick: now.tick, Epoch: k.epoch, World: now.world.Digest(), Ledger: now.ledger.Digest(),
		Started: k.started, Records: int(now.seq),
	}
	if why := k.readOnly.Load(); why != nil {
		st.ReadOnly = *why
	}
	st.Marked = k.filled.Load()
	if c := k.checked.Load(); c != nil {
		st.Checked = c.text
	}
	st.Disk, _ = k.disk.used(k.opt)
	if e, ok := now.ledger.Get(swsRoot); ok {
		st.Workspaces, _ = e.Graph.Len()
	}
	if e, ok := now.ledger.Get(procRoot); ok {
		st.Processes, _ = e.Graph.Len()
	}
	k.runs.Lock()
	st.Running = len(k.runs.live)
	k.runs.Unlock()
	return st
}

// Methods lists the method library.
func (k *Kernel) Methods() []tasks.MethodInfo {
	var out []tasks.MethodInfo
	for m := range k.shown().Methods() {
		out = append(out, m)
	}
	return out
}

// Method returns one method of the library, with its source.
func (k *Kernel) Method(name string) (tasks.MethodInfo, bool) { return k.shown().Show(name) }

// shown is the library as it is listed: what was added and does not load is told
// where it is used.
func (k *Kernel) shown() *tasks.Library {
	lib, err := k.library()
	if err != nil {
		return k.opt.Library
	}
	return lib
}

// Blob opens content; PutBlob stores it. BlobBySum opens by name alone and
// gives the size.
func (k *Kernel) Blob(b rmg.Blob) (io.ReadSeekCloser, error) { return k.store.Open(b) }

// PutBlob stores content; it is durable with the next record.
func (k *Kernel) PutBlob(r io.Reader) (rmg.Blob, error) { return k.store.Put(r) }

// BlobBySum opens content by its SHA-256. NotFound if there is none.
func (k *Kernel) BlobBySum(sum [32]byte) (io.ReadSeekCloser, int64, error) {
	f, err := k.store.Open(rmg.Blob{Sum: sum})
	if errors.Is(err, &rmg.Error{Code: rmg.Denied}) {
		return nil, 0, err
	}
	if err != nil {
		return nil, 0, &rmg.Error{Op: "blob", Code: rmg.NotFound, Msg: fmt.Sprintf("there is no content %x", sum), Err: err}
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, size, nil
}

// setOp makes a set op.
func setOp(p rmg.Path, props map[string]rmg.Value) rewrite.Op {
	return rewrite.Op{Op: rewrite.Set, Path: p, Props: props}
}

// addOp makes an add_node op.
func addOp(p rmg.Path, kind string, props map[string]rmg.Value) rewrite.Op {
	return rewrite.Op{Op: rewrite.AddNode, Path: p, Kind: kind, Props: props}
}

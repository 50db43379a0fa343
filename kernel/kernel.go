package kernel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sort"
	"sync"
	"sync/atomic"
	"time"

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
	Runner   Runner
	Library  *tasks.Library
	Logger   *slog.Logger
	Proofs   int // candidates of one branch that are proven side by side; 0 is 2
}

// Kernel owns the system. Safe for concurrent use.
type Kernel struct {
	opt     Options
	store   BlobStore
	log     *slog.Logger
	started time.Time
	epoch   uint64

	queue    chan *request
	ended    chan struct{}   // closed when the writer has ended
	ctx      context.Context // ends when Close begins
	stop     context.CancelFunc
	owned    sync.WaitGroup // process drivers and what they start
	writerOf sync.WaitGroup // the writer
	readOnly atomic.Pointer[string]
	current  atomic.Pointer[version]

	state struct {
		sync.RWMutex // guards the fields below
		spaces       map[string]*space
		versions     []version // by seq
		touched      wrote
		news         chan struct{} // closed at the next publication
	}
	runs struct {
		sync.Mutex // guards the fields below
		live       map[string]*run
		queues     map[rmg.Path]*branchQueue
		waits      map[rmg.Path]int // approvals that a collapse of this epoch waits for
	}
	roster   roster
	reads    reads
	disk     disk
	lastAt   time.Time // of the last frame; the writer's alone
	proofs   proofs
	policies struct {
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
		queue: make(chan *request, maxQueue), ended: make(chan struct{}),
	}
	k.store = told{k.store, k}
	k.ctx, k.stop = context.WithCancel(context.Background())
	k.state.spaces = map[string]*space{}
	k.state.touched = wrote{}
	k.state.news = make(chan struct{})
	k.runs.live = map[string]*run{}
	k.runs.queues = map[rmg.Path]*branchQueue{}
	k.runs.waits = map[rmg.Path]int{}
	k.proofs.byKey, k.proofs.running = map[string]work.Evidence{}, map[string]chan struct{}{}
	k.current.Store(&version{})
	if err := k.replay(); err != nil {
		k.stop()
		return nil, err
	}
	k.writerOf.Go(k.write)
	if err := k.begin(ctx); err != nil {
		k.Close()
		return nil, err
	}
	return k, nil
}

// replay folds what the journal holds.
func (k *Kernel) replay() error {
	for frame, err := range k.opt.Journal.Read(1) {
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		ticks, err := decodeTicks(frame.Payload, k.store)
		if err != nil {
			return fmt.Errorf("frame at seq %d: %w", frame.First, err)
		}
		f := k.newFold()
		for _, t := range ticks {
			for _, r := range t.records {
				k.lastAt = r.At
				if err := f.apply(r); err != nil {
					return fmt.Errorf("replay of record %d: %w", r.Seq, err)
				}
			}
			f.tick = t.number
			if w := f.world.Digest(); w != t.world {
				return fmt.Errorf("replay of tick %d: world digest is %s, the log says %s", t.number, w, t.world)
			}
			k.publish(f, []tick{t})
		}
	}
	return nil
}

// begin appends the epoch's record, and deals with what was cut off.
func (k *Kernel) begin(ctx context.Context) error {
	now := k.now()
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
	ops = append(ops, setOp(procRoot, map[string]rmg.Value{"epoch": rmg.Int(int64(k.epoch))}))
	for _, d := range k.opt.Runner.Describe() {
		add(now.ledger, workerRoot.Child(d.Name), kindWorker)
		actions := make([]rmg.Value, len(d.Actions))
		for i, a := range d.Actions {
			actions[i] = rmg.String(a)
		}
		ops = append(ops, setOp(workerRoot.Child(d.Name), map[string]rmg.Value{"summary": rmg.String(d.Summary), "actions": rmg.List(actions...)}))
	}
	if _, err := k.system(ctx, "kernel", "", fmt.Sprintf("epoch %d begins", k.epoch), ops); err != nil {
		return err
	}
	if err := k.settlePurges(); err != nil {
		return err
	}
	k.recallProofs()
	return k.settleLandings(ctx)
}

// Close stops processes (they are interrupted, not failed), then the writer.
func (k *Kernel) Close() error {
	k.stop()
	k.owned.Wait()
	k.writerOf.Wait()
	return nil
}

// now returns the published version of the system.
func (k *Kernel) now() version { return *k.current.Load() }

// space returns a published workspace; its heads are not to be changed.
func (k *Kernel) space(id string) (*space, bool) {
	k.state.RLock()
	defer k.state.RUnlock()
	s, ok := k.state.spaces[id]
	return s, ok
}

// versionAt returns the system after the tick that holds seq.
func (k *Kernel) versionAt(seq uint64) (version, bool) {
	k.state.RLock()
	defer k.state.RUnlock()
	vs := k.state.versions
	i := sort.Search(len(vs), func(i int) bool { return vs[i].seq >= seq })
	if i == len(vs) {
		return version{}, false
	}
	return vs[i], true
}

// newFold starts a private next version over what is published.
func (k *Kernel) newFold() *fold {
	return &fold{version: k.now(), space: k.space, at: k.versionAt, touched: map[string]*space{}}
}

// publish makes a durable fold visible, and wakes who waits for news. The
// ticks are those that led to it, in order.
func (k *Kernel) publish(f *fold, ticks []tick) {
	v := f.version
	k.state.Lock()
	for id, s := range f.touched {
		k.state.spaces[id] = s
	}
	for i, t := range ticks {
		for _, r := range t.records {
			k.state.touched.note(r)
		}
		if i < len(ticks)-1 {
			continue
		}
		k.state.versions = append(k.state.versions, v)
	}
	news := k.state.news
	k.state.news = make(chan struct{})
	k.current.Store(&v)
	k.state.Unlock()
	close(news)
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
	for m := range k.opt.Library.Methods() {
		out = append(out, m)
	}
	return out
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

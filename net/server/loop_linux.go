package server

import (
	"errors"
	"net"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A goroutine for each connection is woken through the scheduler for each request,
// which looks for work elsewhere and wakes a second thread in case there is more:
// where a node is asked for now and then, that costs more than the node. So a
// connection begins in a loop, which waits for many, and reads, answers and writes by
// itself. It does so for as long as what is asked is a node of the present, which
// takes microseconds; with the first other request a connection leaves for a
// goroutine of its own, for good.

// The limits of loops.
const (
	maxLoops   = 8 // one for each processor
	loopEvents = 128
)

// loop waits for connections and answers them. What is in by belongs to who runs it.
type loop struct {
	s    *Server
	rest *handed
	poll int // epoll's descriptor
	bell int // an eventfd, which ends a wait

	sync.Mutex // guards the fields below, and that bell and poll are open until ended
	by         map[int32]*looped
	ended      bool
}

// looped is a connection in a loop.
type looped struct {
	*front
	fd   int32
	raw  syscall.RawConn // which keeps a descriptor from being another's
	last time.Time       // when something was asked
	n    int             // of the last read or write
	err  error
	read func(fd uintptr) bool
	send func(fd uintptr) bool
}

// newLoops makes loops that have run; none where the system has no room for them.
func (s *Server) newLoops(rest *handed) (all []*loop) {
	for range min(runtime.GOMAXPROCS(0), maxLoops) {
		l, err := newLoop(s, rest)
		if err != nil {
			s.log.Warn("connections get a goroutine each", "err", err)
			break
		}
		all = append(all, l)
	}
	return all
}

func newLoop(s *Server, rest *handed) (*loop, error) {
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(err, unix.Close(poll))
	}
	if err := unix.EpollCtl(poll, unix.EPOLL_CTL_ADD, bell, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(bell)}); err != nil {
		return nil, errors.Join(err, unix.Close(poll), unix.Close(bell))
	}
	return &loop{s: s, rest: rest, poll: poll, bell: bell, by: map[int32]*looped{}}, nil
}

// take has a connection answered by the loop; false: it cannot.
func (l *loop) take(f *front) bool {
	conn, ok := f.conn.(*net.UnixConn)
	if !ok {
		return false
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	c := &looped{front: f, raw: raw, last: time.Now()}
	c.read = func(fd uintptr) bool {
		c.n, c.err = ignoringEINTR(func() (int, error) { return unix.Read(int(fd), f.buf) })
		return true // not to be waited for here
	}
	c.send = func(fd uintptr) bool {
		c.n, c.err = ignoringEINTR(func() (int, error) { return unix.Write(int(fd), f.out) })
		return true
	}
	l.Lock()
	defer l.Unlock()
	if l.ended {
		return false
	}
	failed := raw.Control(func(fd uintptr) {
		c.fd = int32(fd)
		err = unix.EpollCtl(l.poll, unix.EPOLL_CTL_ADD, int(fd), &unix.EpollEvent{Events: unix.EPOLLIN, Fd: c.fd})
	})
	if failed != nil || err != nil {
		return false
	}
	if l.by[c.fd] = c; len(l.by) == 1 {
		l.ring() // from now on it has to look who is idle
	}
	return true
}

// ring ends a wait. The lock is held.
func (l *loop) ring() {
	one := [8]byte{1} // in whichever order
	_, _ = unix.Write(l.bell, one[:])
}

// stop has it end, if it has not.
func (l *loop) stop() {
	l.Lock()
	defer l.Unlock()
	if !l.ended {
		l.ring()
	}
}

// run answers until the server stops.
func (l *loop) run() {
	defer l.end()
	var events [loopEvents]unix.EpollEvent
	looked := time.Now()
	for l.s.ctx.Err() == nil {
		n, err := unix.EpollWait(l.poll, events[:], l.patience())
		if err != nil && err != unix.EINTR {
			l.s.log.Error("connections cannot be waited for", "err", err)
			return
		}
		for _, e := range events[:max(n, 0)] {
			if e.Fd == int32(l.bell) {
				var count [8]byte
				_, _ = unix.Read(l.bell, count[:])
				continue
			}
			l.Lock()
			c := l.by[e.Fd]
			l.Unlock()
			if c != nil {
				l.turn(c)
			}
		}
		if now := time.Now(); now.Sub(looked) >= frontSlack {
			looked = now
			l.closeIdle(now)
		}
	}
}

// patience is how long a wait may take, in ms: for ever if there is nobody.
func (l *loop) patience() int {
	l.Lock()
	defer l.Unlock()
	if len(l.by) == 0 {
		return -1
	}
	return int(frontSlack.Milliseconds())
}

// turn reads what came on a connection, and answers.
func (l *loop) turn(c *looped) {
	if err := c.raw.Read(c.read); err != nil {
		c.err = err
	}
	if c.err == unix.EAGAIN {
		return
	}
	if c.err != nil || c.n <= 0 {
		l.drop(c)
		return
	}
	c.last = time.Now()
	n := c.n
	q, ok := c.cut(c.buf[:n])
	k := l.s.quick[q.route]
	if !ok || k == nil || k.soon == nil || !k.soon(q.query) {
		l.leave(c)
		l.s.fronts.wg.Go(func() { c.run(l.rest, n) })
		return
	}
	goOn, ok := c.make(q, k)
	if !ok {
		l.drop(c)
		return
	}
	if err := c.raw.Write(c.send); err != nil {
		c.err = err
	}
	if c.err == unix.EAGAIN {
		c.n, c.err = 0, nil
	}
	switch {
	case c.err != nil || c.n == len(c.out) && !goOn:
		l.drop(c)
	case c.n < len(c.out): // it does not read, or the answer is long: that is waited for elsewhere
		l.leave(c)
		left := c.out[c.n:]
		l.s.fronts.wg.Go(func() {
			if c.put(left) && goOn {
				c.run(l.rest, 0)
				return
			}
			c.close()
		})
	case len(c.out) > frontLong:
		c.out = nil
	}
}

// leave takes a connection out of the loop.
func (l *loop) leave(c *looped) {
	l.Lock()
	delete(l.by, c.fd)
	l.Unlock()
	_ = c.raw.Control(func(fd uintptr) { _ = unix.EpollCtl(l.poll, unix.EPOLL_CTL_DEL, int(fd), nil) }) // if it is closed, it is out
}

// drop closes a connection.
func (l *loop) drop(c *looped) {
	l.leave(c)
	c.close()
}

// closeIdle closes the connections on which nothing was asked for too long.
func (l *loop) closeIdle(now time.Time) {
	l.Lock()
	var idle []*looped
	for _, c := range l.by {
		if now.Sub(c.last) >= frontIdle {
			idle = append(idle, c)
		}
	}
	l.Unlock()
	for _, c := range idle {
		l.drop(c)
	}
}

// end closes all connections, which wait for a request, and takes no more.
func (l *loop) end() {
	l.Lock()
	l.ended = true
	all := make([]*looped, 0, len(l.by))
	for _, c := range l.by {
		all = append(all, c)
	}
	l.Unlock()
	for _, c := range all {
		l.drop(c)
	}
	_, _ = unix.Close(l.poll), unix.Close(l.bell)
}

// ignoringEINTR repeats what a signal interrupted.
func ignoringEINTR(fn func() (int, error)) (int, error) {
	for {
		if n, err := fn(); err != unix.EINTR {
			return n, err
		}
	}
}

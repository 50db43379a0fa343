package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// loadArgument makes this program a generator of load, a process of its own: then
// what a request costs each side can be told apart, and neither side's collector or
// scheduler is what the other waits for.
const loadArgument = "-generate-load"

// load is what a generator sends. One thread sends requests that were made
// beforehand and looks for the end of each answer, and that is all.
type load struct {
	Socket    string        `json:"socket"`
	Conns     int           `json:"conns"`
	PerSecond int           `json:"per_second"` // 0: each connection asks again as soon as it is answered
	Warm      time.Duration `json:"warm"`       // not counted
	Lasts     time.Duration `json:"lasts"`
	Requests  [][]byte      `json:"requests"` // sent in turn
	Records   int           `json:"records"`  // if not 0: each connection follows the log until it was told so many
}

// answered is what came of it.
type answered struct {
	N      int       `json:"n"`
	Times  []float64 `json:"times"`  // ms, from when a request was due to the end of its answer
	Late   []float64 `json:"late"`   // ms, from when a request was due, and its connection free, to when it was sent: the generator's own
	Client used      `json:"client"` // by the generator
	Server used      `json:"-"`      // by this process meanwhile
	Failed string    `json:"failed,omitempty"`

	Lasted time.Duration `json:"lasted"`
}

// used is what a process had of the processors, and would have had.
type used struct {
	Time   time.Duration `json:"time"`   // processor time
	Queued time.Duration `json:"queued"` // that its threads could have run, and had no processor
}

// usedNow is what this process has used until now.
func usedNow() used { return used{Time: cpu(), Queued: queued()} }

func (u used) since(before used) used {
	return used{Time: u.Time - before.Time, Queued: u.Queued - before.Queued}
}

// queued is how long the threads of this process have waited for a processor; 0 where
// the kernel does not say.
func queued() (sum time.Duration) {
	files, _ := filepath.Glob("/proc/self/task/*/schedstat")
	for _, name := range files {
		text, err := os.ReadFile(name)
		if fields := strings.Fields(string(text)); err == nil && len(fields) == 3 {
			ns, _ := strconv.ParseInt(fields[1], 10, 64)
			sum += time.Duration(ns)
		}
	}
	return sum
}

// rate is answers a second.
func (l answered) rate() float64 { return float64(l.N) / l.Lasted.Seconds() }

// and adds what came of another load of the same sort.
func (l answered) and(other answered) answered {
	l.N += other.N
	l.Lasted += other.Lasted
	l.Times, l.Late = append(l.Times, other.Times...), append(l.Late, other.Late...)
	for _, x := range [...]struct{ to, from *used }{{&l.Client, &other.Client}, {&l.Server, &other.Server}} {
		x.to.Time += x.from.Time
		x.to.Queued += x.from.Queued
	}
	return l
}

// each is processor time in microseconds a request.
func (l answered) each(d time.Duration) float64 {
	return float64(d.Nanoseconds()) / 1000 / float64(max(l.N, 1))
}

// run generates load from another process, and waits for its end.
func (l load) run() (answered, error) {
	self, err := os.Executable()
	if err != nil {
		return answered{}, err
	}
	spec, err := json.Marshal(l)
	if err != nil {
		return answered{}, err
	}
	cmd := exec.Command(self, loadArgument)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(spec), os.Stderr
	began := usedNow()
	text, err := cmd.Output()
	spent := usedNow().since(began)
	if err != nil {
		return answered{}, fmt.Errorf("the generator of load: %w", err)
	}
	var out answered
	if err := json.Unmarshal(text, &out); err != nil {
		return answered{}, err
	}
	if out.Failed != "" {
		return out, errors.New(out.Failed)
	}
	// What was used while it warmed up was used at the same rate.
	counted := func(d time.Duration) time.Duration {
		return time.Duration(float64(d) * float64(l.Lasts) / float64(l.Lasts+l.Warm))
	}
	out.Server = used{Time: counted(spent.Time), Queued: counted(spent.Queued)}
	return out, nil
}

// generateLoad is the other process.
func generateLoad() {
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	var l load
	must(json.NewDecoder(os.Stdin).Decode(&l))
	g := generator{load: l}
	out, err := g.run()
	if err != nil {
		out.Failed = err.Error()
	}
	must(json.NewEncoder(os.Stdout).Encode(out))
}

// generator sends a load.
type generator struct {
	load
	poll  int
	conns []*line
	began time.Time
	next  int // request
	times []float64
	late  []float64
	buf   [16 << 10]byte
}

// line is one connection: at most one request of it is under way, what is due
// meanwhile waits.
type line struct {
	fd      int
	busy    bool
	due     time.Duration   // of the request under way, since the beginning
	waiting []time.Duration // when those were due that wait
	got     []byte
	told    int // records
}

func (g *generator) run() (answered, error) {
	var err error
	if g.poll, err = unix.EpollCreate1(0); err != nil {
		return answered{}, err
	}
	for i := range g.Conns {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err == nil {
			err = unix.Connect(fd, &unix.SockaddrUnix{Name: g.Socket})
		}
		if err == nil {
			err = unix.SetNonblock(fd, true)
		}
		if err == nil {
			err = unix.EpollCtl(g.poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)})
		}
		if err != nil {
			return answered{}, err
		}
		g.conns = append(g.conns, &line{fd: fd})
	}
	// The kernel lets a thread sleep for 50 us longer than it asked to.
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return answered{}, err
	}
	if g.Records > 0 {
		return g.follow()
	}
	return g.send()
}

// follow has each connection follow the log, and ends when all were told all records.
func (g *generator) follow() (answered, error) {
	for _, c := range g.conns {
		if err := g.ask(c, 0); err != nil {
			return answered{}, err
		}
	}
	var events [256]unix.EpollEvent
	for open := len(g.conns); open > 0; {
		n, err := wait(g.poll, events[:], time.Minute)
		if err != nil || n == 0 {
			return answered{}, errors.Join(fmt.Errorf("%d followers were not told everything", open), err)
		}
		for _, e := range events[:n] {
			c := g.conns[e.Fd]
			n, err := unix.Read(c.fd, g.buf[:])
			if err != nil || n == 0 {
				return answered{}, errors.Join(errors.New("a stream ended"), err)
			}
			const sign = "event: record\n" // what is left of the text before may be its beginning
			c.got = append(c.got, g.buf[:n]...)
			before := c.told
			c.told += bytes.Count(c.got, []byte(sign))
			c.got = append(c.got[:0], c.got[max(bytes.LastIndex(c.got, []byte(sign))+1, len(c.got)-len(sign)+1, 0):]...)
			if before < g.Records && c.told >= g.Records {
				open--
			}
		}
	}
	return answered{N: g.Records * len(g.conns), Client: usedNow()}, nil
}

// send sends until the time is over and everything is answered.
func (g *generator) send() (answered, error) {
	g.began = time.Now()
	g.times = make([]float64, 0, 1<<20)
	due := func(i int) time.Duration { return time.Duration(i) * time.Second / time.Duration(g.PerSecond) }
	var before used
	var events [256]unix.EpollEvent
	if g.PerSecond == 0 {
		for _, c := range g.conns {
			if err := g.ask(c, 0); err != nil {
				return answered{}, err
			}
		}
	}
	end := g.Warm + g.Lasts
	for open, sent := g.PerSecond == 0, 0; ; {
		now := time.Since(g.began)
		if before.Time == 0 && now >= g.Warm {
			before = usedNow()
		}
		timeout := time.Second
		if g.PerSecond > 0 {
			for ; due(sent) <= min(now, end-1); sent++ {
				if err := g.ask(g.conns[sent%len(g.conns)], due(sent)); err != nil {
					return answered{}, err
				}
			}
			timeout = max(due(sent)-now, 0)
			open = due(sent) < end
		} else {
			open = now < end
		}
		if !open && !slices.ContainsFunc(g.conns, func(c *line) bool { return c.busy }) {
			break
		}
		if g.PerSecond == 0 {
			nap()
		}
		n, err := wait(g.poll, events[:], timeout)
		if err != nil {
			return answered{}, err
		}
		for _, e := range events[:n] {
			if err := g.take(g.conns[e.Fd], open); err != nil {
				return answered{}, err
			}
		}
	}
	if len(g.times) == 0 {
		return answered{}, errors.New("nothing was answered")
	}
	return answered{
		N: len(g.times), Times: g.times, Late: g.late, Client: usedNow().since(before), Lasted: time.Since(g.began) - g.Warm,
	}, nil
}

// nap lets answers gather, where each of many connections has a request under way at
// all times: to be woken for each of them would cost the machine more than they do.
func nap() {
	at := unix.NsecToTimespec(napTime.Nanoseconds())
	_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &at, nil) // one that ends too soon was short
}

// napTime is a small part of what 256 connections take to be answered once each.
const napTime = 200 * time.Microsecond

// wait is epoll_pwait2, which counts in nanoseconds; epoll_wait, and with it the Go
// runtime, counts in milliseconds, so that a program that sleeps until a request is
// due is late by up to one.
func wait(poll int, events []unix.EpollEvent, timeout time.Duration) (int, error) {
	at := unix.NsecToTimespec(timeout.Nanoseconds())
	for {
		n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(poll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)),
			uintptr(unsafe.Pointer(&at)), 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// ask sends the next request, or has it wait for the one under way.
func (g *generator) ask(c *line, due time.Duration) error {
	if c.busy {
		c.waiting = append(c.waiting, due)
		return nil
	}
	return g.put(c, due, true)
}

// put sends the next request on a connection that was free when it was due, or was
// not.
func (g *generator) put(c *line, due time.Duration, free bool) error {
	text := g.Requests[g.next%len(g.Requests)]
	g.next++
	c.busy, c.due = true, due
	if now := time.Since(g.began); g.PerSecond > 0 && free && now >= g.Warm {
		g.late = append(g.late, float64((now-due).Microseconds())/1000)
	}
	n, err := unix.Write(c.fd, text)
	if err == nil && n < len(text) {
		err = errors.New("a request was not taken whole")
	}
	return err
}

// take reads what came on a connection, and after the end of an answer has it
// ask for what is next.
func (g *generator) take(c *line, more bool) error {
	n, err := unix.Read(c.fd, g.buf[:])
	if err == unix.EAGAIN {
		return nil
	}
	if err != nil || n == 0 {
		return errors.Join(errors.New("a connection was closed"), err)
	}
	text := g.buf[:n]
	if len(c.got) > 0 {
		c.got = append(c.got, text...)
		text = c.got
	}
	whole, err := wholeAnswer(text)
	if err != nil {
		return err
	}
	if !whole {
		if len(c.got) == 0 {
			c.got = append(c.got, text...)
		}
		return nil
	}
	c.got, c.busy = c.got[:0], false
	now := time.Since(g.began)
	if now >= g.Warm {
		g.times = append(g.times, float64((now-c.due).Microseconds())/1000)
	}
	switch {
	case len(c.waiting) > 0:
		due := c.waiting[0]
		c.waiting = c.waiting[1:]
		return g.put(c, due, false)
	case g.PerSecond == 0 && more:
		return g.ask(c, now)
	}
	return nil
}

// wholeAnswer reports whether an answer is there to its end. One that is not 200 is
// an error, as is one without a length.
func wholeAnswer(text []byte) (bool, error) {
	head, body, ok := bytes.Cut(text, []byte("\r\n\r\n"))
	if !ok {
		return false, nil
	}
	const length = "\r\nContent-Length: "
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) {
		return false, fmt.Errorf("the answer is %q", text)
	}
	at := bytes.Index(head, []byte(length))
	if at < 0 {
		return false, fmt.Errorf("an answer without a length: %q", head)
	}
	digits := head[at+len(length):]
	if i := bytes.IndexByte(digits, '\r'); i >= 0 {
		digits = digits[:i]
	}
	n, err := strconv.Atoi(string(digits))
	return len(body) >= n, err
}

// high is the 99th of a hundred.
func high(times []float64) float64 {
	slices.Sort(times)
	return times[int(math.Ceil(0.99*float64(len(times))))-1]
}

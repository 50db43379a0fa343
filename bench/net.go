package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"jitos.dev/net/client"
	"jitos.dev/net/server"
	"jitos.dev/rewrite"
)

// netRows measure the API over a unix socket, and the program that speaks it.
func netRows() []measure {
	return []measure{
		{"net/get/p99/1", func() (row, error) { return nodeRow(1) }},
		{"net/get/p99/64", func() (row, error) { return nodeRow(64) }},
		{"net/rewrite/256", func() (row, error) { return overHTTPRow(256) }},
		{"net/event/p99", eventRow},
		{"net/event/1000", followersRow},
		{"cmd/help", helpRow},
		{"cmd/read", readVerbRow},
	}
}

const netSecret = "a secret for the time of a measurement"

// served is a daemon that answers on a socket.
type served struct {
	*daemon
	socket string
	stop   func() error
}

func serveDaemon(dir string) (*served, error) {
	d, err := openDaemon(filepath.Join(dir, "data"))
	if err != nil {
		return nil, err
	}
	srv, err := server.New(server.Options{Kernel: d.Kernel, Secret: netSecret})
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	s := &served{daemon: d, socket: filepath.Join(dir, "s")}
	ln, err := net.Listen("unix", s.socket)
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	s.stop = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return errors.Join(srv.Shutdown(ctx), <-done, d.close())
	}
	return s, nil
}

// serveNothing answers every request on a socket as soon as its body is read, with
// as many bytes as a receipt has: what net/http takes by itself, at both ends.
func serveNothing(dir string) (socket string, stop func() error, err error) {
	socket = filepath.Join(dir, "e")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		return "", nil, err
	}
	answer := []byte(strings.Repeat("x", 110))
	srv := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(answer)
	})}
	go func() { _ = srv.Serve(ln) }() // ends by Close
	return socket, srv.Close, nil
}

// serveEcho answers whatever comes in one read with the same bytes: what two processes
// that talk over a socket, and the processors they share with everybody, take by
// themselves.
func serveEcho(dir string) (socket string, stop func() error, err error) {
	socket = filepath.Join(dir, "n")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		return "", nil, err
	}
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Length: 110\r\n\r\n" + strings.Repeat("x", 110))
	go func() { // ends by Close
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { // ends with its connection
				defer conn.Close()
				for buf := make([]byte, 4<<10); ; {
					if _, err := conn.Read(buf); err != nil {
						return
					}
					if _, err := conn.Write(answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return socket, ln.Close, nil
}

// requests are the bytes of a call, each of one node.
func requests(n int, call func(i int) (method, target, body string)) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		method, target, body := call(i * 7919 % n)
		all[i] = fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: jitos\r\nAuthorization: Bearer %s\r\n", method, target, netSecret)
		if body != "" {
			all[i] = fmt.Appendf(all[i], "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
		}
		all[i] = fmt.Appendf(all[i], "\r\n%s", body)
	}
	return all
}

// netNodes is in how many nodes the API is measured.
const netNodes = 10_000

// withPeers has something measured on a daemon, on a handler that does nothing, and on
// what answers without a look.
func withPeers(dir func() (string, func(), error), fn func(s *served, empty, echo string) (row, error)) (row, error) {
	at, done, err := dir()
	if err != nil {
		return row{}, err
	}
	defer done()
	s, err := serveDaemon(at)
	if err != nil {
		return row{}, err
	}
	defer func() { _ = s.stop() }()
	if err := s.fill(netNodes); err != nil {
		return row{}, err
	}
	empty, stop, err := serveNothing(at)
	if err != nil {
		return row{}, err
	}
	defer func() { _ = stop() }()
	echo, stopEcho, err := serveEcho(at)
	if err != nil {
		return row{}, err
	}
	defer func() { _ = stopEcho() }()
	return fn(s, empty, echo)
}

// nodeRow reads single nodes at a steady rate. Each is timed from when it was due,
// so that one that waits for another before it is not taken for a fast one; how late
// the generator was by itself is a peer. The others are the same requests to net/http
// with a handler that does nothing, and to an echo: on processors that others use too
// the tail of all of them is how long a thread waits for one. They take turns, and all
// of their times count.
func nodeRow(conns int) (row, error) {
	const perSecond = 5000
	return withPeers(memoryDir, func(s *served, empty, echo string) (row, error) {
		text := requests(netNodes, func(i int) (string, string, string) {
			return http.MethodGet, "/rmg?depth=0&path=" + string(kernelPath(i)), ""
		})
		var got, least, none answered
		for range rounds {
			for socket, sum := range map[string]*answered{s.socket: &got, empty: &least, echo: &none} {
				one, err := load{Socket: socket, Conns: conns, PerSecond: perSecond, Warm: time.Second / 4, Lasts: time.Second, Requests: text}.run()
				if err != nil {
					return row{}, err
				}
				*sum = sum.and(one)
			}
		}
		r := row{Value: high(got.Times), N: got.N, Peers: map[string]float64{
			"ms, sent late": high(got.Late), "ms, net/http alone": high(least.Times), "ms, an echo": high(none.Times),
			"us a request": got.each(got.Server.Time), "us a request, net/http alone": least.each(least.Server.Time),
			"us a request, an echo": none.each(none.Server.Time), "us a request, client": got.each(got.Client.Time),
			"us a request, no processor": got.each(got.Server.Queued), "us a request, no processor, client": got.each(got.Client.Queued),
		}}
		r.Unit = fmt.Sprintf("ms, at %.0f/s; %.3g ms in the middle", got.rate(), middle(got.Times))
		r = r.within(1, "<= 1 ms at 5,000/s")
		r.Holds = r.Holds && got.rate() >= 0.95*perSecond
		return r, nil
	})
}

// overHTTPRow is durable rewrites over HTTP beside the same without it, and beside
// the same requests to a handler that does nothing, in turn on one disk.
func overHTTPRow(clients int) (row, error) {
	const lasts = time.Second
	return withPeers(diskDir, func(s *served, empty, _ string) (row, error) {
		text := requests(netNodes, func(i int) (string, string, string) {
			return http.MethodPost, "/rewrite", fmt.Sprintf(`{"ops":[{"op":"inc","path":%q,"prop":"hits","by":1}]}`, kernelPath(i))
		})
		each := map[string][]float64{}
		post := func(socket, name string) func() (float64, error) {
			return func() (float64, error) {
				got, err := load{Socket: socket, Conns: clients, Warm: lasts / 4, Lasts: lasts, Requests: text}.run()
				each[name] = append(each[name], got.each(got.Server.Time))
				each[name+", client"] = append(each[name+", client"], got.each(got.Client.Time))
				return got.rate(), err
			}
		}
		alone := func() (float64, error) {
			counts, errs := make([]int, clients), make([]error, clients)
			began, used := time.Now(), cpu()
			var wg sync.WaitGroup
			for w := range clients {
				wg.Go(func() {
					for i := w; time.Since(began) < lasts && errs[w] == nil; i += clients {
						errs[w] = s.write("system", countUp(i*7919%netNodes))
						counts[w]++
					}
				})
			}
			wg.Wait()
			sum := 0
			for _, n := range counts {
				sum += n
			}
			each["kernel"] = append(each["kernel"], answered{N: sum}.each(cpu()-used))
			return float64(sum) / time.Since(began).Seconds(), errors.Join(errs...)
		}
		xs, err := median(post(s.socket, "over HTTP"), alone, post(empty, "net/http alone"))
		if err != nil {
			return row{}, err
		}
		share := xs[0] / xs[1]
		r := row{
			Value: share, Unit: "of the kernel's rate",
			Peers: map[string]float64{"over HTTP, 1/s": xs[0], "kernel, 1/s": xs[1], "net/http alone, 1/s": xs[2]},
			Must:  ">= 0.8", Holds: share >= 0.8, N: rounds,
		}
		for name, list := range each {
			r.Peers["us a request, "+name] = middle(list)
		}
		return r, nil
	})
}

// eventRow is how long after its commit a record reaches who follows, beside a
// thousand changes a second. A record may reach them before its writer hears of
// it; that is 0.
func eventRow() (row, error) {
	const perSecond, seconds, nodes = 1000, 5, 10_000
	dir, done, err := diskDir()
	if err != nil {
		return row{}, err
	}
	defer done()
	s, err := serveDaemon(dir)
	if err != nil {
		return row{}, err
	}
	defer func() { _ = s.stop() }()
	if err := s.fill(nodes); err != nil {
		return row{}, err
	}
	c, err := client.New(client.Options{Socket: s.socket, Secret: netSecret})
	if err != nil {
		return row{}, err
	}
	defer c.Close()
	ctx, stop := context.WithTimeout(context.Background(), 60*time.Second)
	defer stop()
	seen := map[uint64]time.Time{}
	ready, last := make(chan struct{}), make(chan uint64, 1)
	failed := make(chan error, 1)
	go func() {
		until := uint64(math.MaxUint64)
		for e, err := range c.Events(ctx, client.EventsQuery{}) {
			switch {
			case err != nil:
				failed <- err
				return
			case e.Snapshot != nil && ready != nil:
				close(ready)
				ready = nil
			case e.Record != nil:
				seen[e.ID] = time.Now()
			}
			select {
			case until = <-last:
			default:
			}
			if e.ID >= until {
				break
			}
		}
		failed <- nil
	}()
	<-ready
	var mu sync.Mutex
	committed := map[uint64]time.Time{}
	var wg sync.WaitGroup
	began := time.Now()
	for w := range 16 {
		wg.Go(func() {
			for i := w; i < perSecond*seconds; i += 16 {
				time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / perSecond)))
				rec, err := s.Rewrite(ctx, bencher, "system", rewrite.Rewrite{Ops: countUp(i % nodes)})
				now := time.Now()
				if err == nil {
					mu.Lock()
					committed[rec.Seq] = now
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	rate := float64(len(committed)) / time.Since(began).Seconds()
	top := uint64(0)
	for seq := range committed {
		top = max(top, seq)
	}
	last <- top
	// One more, so that the reader looks at what it is to wait for.
	if err := s.write("system", countUp(0)); err != nil {
		return row{}, err
	}
	if err := <-failed; err != nil {
		return row{}, err
	}
	var times []float64
	for seq, at := range committed {
		got, ok := seen[seq]
		if !ok {
			return row{}, fmt.Errorf("record %d was not told", seq)
		}
		times = append(times, max(0, float64(got.Sub(at).Microseconds())/1000))
	}
	r := row{Value: high(times), Unit: fmt.Sprintf("ms, at %.0f changes/s", rate), N: len(times)}.within(5, "<= 5 ms at 1,000 changes/s")
	r.Holds = r.Holds && rate >= 0.95*perSecond
	return r, nil
}

// followersRow is how long after the last of a thousand changes a second all of a
// thousand readers, who follow the log, have been told all of them.
func followersRow() (row, error) {
	const followers, perSecond, seconds = 1000, 1000, 3
	dir, done, err := diskDir()
	if err != nil {
		return row{}, err
	}
	defer done()
	s, err := serveDaemon(dir)
	if err != nil {
		return row{}, err
	}
	defer func() { _ = s.stop() }()
	if err := s.fill(netNodes); err != nil {
		return row{}, err
	}
	l := load{
		Socket: s.socket, Conns: followers, Records: perSecond * seconds,
		Requests: requests(1, func(int) (string, string, string) { return http.MethodGet, "/events", "" }),
	}
	type end struct {
		got answered
		err error
		at  time.Time
	}
	ended := make(chan end, 1)
	began := cpu()
	go func() {
		got, err := l.run()
		ended <- end{got, err, time.Now()}
	}()
	c, err := client.New(client.Options{Socket: s.socket, Secret: netSecret})
	if err != nil {
		return row{}, err
	}
	defer c.Close()
	for streams := 0; streams < followers; {
		st, err := c.Status(context.Background())
		if err != nil {
			return row{}, err
		}
		streams = st.Streams
		time.Sleep(10 * time.Millisecond)
	}
	first := time.Now()
	var wg sync.WaitGroup
	errs := make([]error, 16)
	for w := range errs {
		wg.Go(func() {
			for i := w; i < l.Records && errs[w] == nil; i += len(errs) {
				time.Sleep(time.Until(first.Add(time.Duration(i) * time.Second / perSecond)))
				errs[w] = s.write("system", countUp(i%netNodes))
			}
		})
	}
	wg.Wait()
	last := time.Now()
	e := <-ended
	if err := errors.Join(append(errs, e.err)...); err != nil {
		return row{}, err
	}
	rate := float64(l.Records) / last.Sub(first).Seconds()
	r := row{
		Value: float64(e.at.Sub(last).Microseconds()) / 1000, Unit: fmt.Sprintf("ms until all have all, at %.0f changes/s", rate), N: e.got.N,
		Peers: map[string]float64{"us an event, server": e.got.each(cpu() - began), "us an event, readers": e.got.each(e.got.Client.Time)},
	}.within(1000, "<= 1 s, 1,000 readers, 1,000/s")
	r.Holds = r.Holds && rate >= 0.95*perSecond
	return r, nil
}

// built is the program, and one that links all that it does and does nothing.
func built(dir string) (program, empty string, err error) {
	root, err := filepath.Abs("..")
	if err != nil {
		return "", "", err
	}
	goIn := func(args ...string) ([]byte, error) {
		cmd := exec.Command("go", args...)
		cmd.Dir = root
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			err = fmt.Errorf("go %s: %w: %s", args[0], err, said.String())
		}
		return out, err
	}
	imports, err := goIn("list", "-f", `{{join .Imports "\n"}}`, "./cmd/jitos")
	if err != nil {
		return "", "", err
	}
	var main strings.Builder
	main.WriteString("package main\n\nimport (\n")
	for _, p := range strings.Fields(string(imports)) {
		fmt.Fprintf(&main, "\t_ %q\n", p)
	}
	main.WriteString(")\n\nfunc main() {}\n")
	file, overlay := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json")
	program, empty = filepath.Join(dir, "jitos"), filepath.Join(dir, "empty")
	text := fmt.Sprintf(`{"Replace":{%q:%q}}`, filepath.Join(root, "cmd/jitosd/main.go"), file)
	if err := errors.Join(os.WriteFile(file, []byte(main.String()), 0o600), os.WriteFile(overlay, []byte(text), 0o600)); err != nil {
		return "", "", err
	}
	_, one := goIn("build", "-o", program, "./cmd/jitos")
	_, two := goIn("build", "-overlay", overlay, "-o", empty, "./cmd/jitosd")
	return program, empty, errors.Join(one, two)
}

// starts is the middle of how long a command takes, in ms.
func starts(env []string, argv ...string) (float64, error) {
	var times []float64
	for range 30 {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env = env
		began := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("%v: %w: %s", argv, err, out)
		}
		times = append(times, float64(time.Since(began).Microseconds())/1000)
	}
	return middle(times), nil
}

func helpRow() (row, error) {
	dir, done, err := diskDir()
	if err != nil {
		return row{}, err
	}
	defer done()
	program, empty, err := built(dir)
	if err != nil {
		return row{}, err
	}
	env := append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Join(dir, "none"))
	help, err := starts(env, program, "--help")
	if err != nil {
		return row{}, err
	}
	nothing, err := starts(env, empty)
	if err != nil {
		return row{}, err
	}
	r := row{Value: help - nothing, Unit: fmt.Sprintf("ms over the peer (%.3g ms)", help), Peers: map[string]float64{"linked, empty": nothing}, N: 30}
	return r.within(20, "<= 20 ms over an empty program"), nil
}

func readVerbRow() (row, error) {
	dir, done, err := diskDir()
	if err != nil {
		return row{}, err
	}
	defer done()
	program, _, err := built(dir)
	if err != nil {
		return row{}, err
	}
	s, err := serveDaemon(dir)
	if err != nil {
		return row{}, err
	}
	defer func() { _ = s.stop() }()
	if err := os.WriteFile(s.socket+".secret", []byte(netSecret+"\n"), 0o600); err != nil {
		return row{}, err
	}
	if err := s.fill(10_000); err != nil {
		return row{}, err
	}
	env := append(os.Environ(), "JITOS_SOCKET="+s.socket, "XDG_CONFIG_HOME="+filepath.Join(dir, "none"))
	ms, err := starts(env, program, "graph", string(kernelPath(7)))
	if err != nil {
		return row{}, err
	}
	return row{Value: ms, Unit: "ms", N: 30}.within(50, "<= 50 ms"), nil
}

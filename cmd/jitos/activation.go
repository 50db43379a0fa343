package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
)

// firstHanded is the file descriptor of the first listener that is handed over.
const firstHanded = 3

// handedOver is the unix socket that whoever started this program listens on for
// it (sd_listen_fds(3)); nil without one. It is taken once, before any other
// program is started: none of those may have it. Invalid: what is handed over is
// something else.
func handedOver() (*net.UnixListener, error) {
	pid, count := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		if err := os.Unsetenv(name); err != nil {
			return nil, err
		}
	}
	if pid != strconv.Itoa(os.Getpid()) {
		return nil, nil // it is for another program, which passed its environment on
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 {
		return nil, nil
	}
	for fd := firstHanded; fd < firstHanded+n; fd++ {
		syscall.CloseOnExec(fd)
	}
	bad := func(what string) error {
		return wire.NewProblem(rmg.Invalid, "LISTEN_FDS hands over %s", what).WithHint("one unix socket is taken; --tcp opens its own port")
	}
	if n > 1 {
		return nil, bad(fmt.Sprintf("%d sockets", n))
	}
	f := os.NewFile(firstHanded, "LISTEN_FDS")
	ln, err := net.FileListener(f) // a copy
	if closed := f.Close(); err != nil || closed != nil {
		return nil, bad("what is no listening socket: " + errors.Join(err, closed).Error())
	}
	if own, ok := ln.(*net.UnixListener); ok && strings.HasPrefix(own.Addr().String(), "/") {
		own.SetUnlinkOnClose(false) // it stays with who made it
		return own, nil
	}
	return nil, errors.Join(bad("the socket "+ln.Addr().Network()+" "+ln.Addr().String()), ln.Close())
}

// notifier tells who started this program how it is (sd_notify(3)).
type notifier struct{ name string }

// notified is the notifier for who started this program. Programs that are started
// here do not speak for it.
func notified() (notifier, error) {
	n := notifier{os.Getenv("NOTIFY_SOCKET")}
	return n, os.Unsetenv("NOTIFY_SOCKET")
}

// tell says a state, if anybody listens.
func (n notifier) tell(state string) error {
	if n.name == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.name, Net: "unixgram"})
	if err != nil {
		return err
	}
	_, err = conn.Write([]byte(state))
	return errors.Join(err, conn.Close())
}

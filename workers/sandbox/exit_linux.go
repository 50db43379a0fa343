package sandbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"jitos.dev/work"
)

// proxyPort is where the proxy stands in the sandbox's own loopback. It is the
// same in each, so that what names it is the same as well.
const proxyPort = 3128

// sendListener is the first stage's part: it listens in its network namespace, and
// hands that out to the one who can dial from the machine's.
func sendListener() error {
	defer unix.Close(fdExit)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: proxyPort, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	if err := unix.Listen(fd, maxConnections); err != nil {
		return err
	}
	return unix.Sendmsg(fdExit, []byte{1}, unix.UnixRights(fd), nil, 0)
}

// openExit makes the way out, where there are hosts to reach, and says so in the
// command's environment, in the words that most programs know.
func openExit(s *spec, in *work.Sandbox) {
	if len(s.Hosts) == 0 {
		return
	}
	if err := sendListener(); err != nil {
		in.Lacks = append(in.Lacks, "network of "+strings.Join(s.Hosts, ", ")+": "+err.Error())
		return
	}
	in.Network, in.Hosts = NetworkHosts, s.Hosts
	url := fmt.Sprintf("http://127.0.0.1:%d", proxyPort)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		s.Env = append(s.Env, name+"="+url)
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		s.Env = append(s.Env, name+"=localhost,127.0.0.1,::1")
	}
}

// socketPair is the way that the listener takes.
func socketPair() (ours *net.UnixConn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	theirs = os.NewFile(uintptr(fds[1]), "exit")
	mine := os.NewFile(uintptr(fds[0]), "exit")
	defer mine.Close()
	c, err := net.FileConn(mine)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	ours, ok := c.(*net.UnixConn)
	if !ok {
		return nil, nil, errors.Join(errors.New("a socket pair is no unix socket"), c.Close(), theirs.Close())
	}
	return ours, theirs, nil
}

// takeListener waits for the listener, or for the end of the one who would send it.
func takeListener(from *net.UnixConn) (net.Listener, error) {
	buf, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := from.ReadMsgUnix(buf, oob)
	if err != nil {
		return nil, err
	}
	msgs, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(msgs) != 1 {
		return nil, errors.Join(errors.New("no listener came"), err)
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) != 1 {
		return nil, errors.Join(errors.New("no listener came"), err)
	}
	unix.CloseOnExec(fds[0])
	f := os.NewFile(uintptr(fds[0]), "listener")
	defer f.Close()
	return net.FileListener(f)
}

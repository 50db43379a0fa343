package main

import "testing"

// A daemon listens where commands that were told the same would look for it.
func TestListenAt(t *testing.T) {
	for _, c := range []struct {
		listen, socket string
		said           string // the flag that was given
		want           string
	}{
		{"", "", "", "unix:" + defaultSocket()},
		{"", "/a/b.sock", "", "unix:/a/b.sock"},
		{"", "unix:/a/b.sock", "socket", "unix:/a/b.sock"},
		{"unix:/of/config", "/of/environment", "", "unix:/of/config"},
		{"unix:/of/config", "/of/flag", "socket", "unix:/of/flag"},
		{"unix:/of/flag", "/of/environment", "listen", "unix:/of/flag"},
		{"", "tcp:127.0.0.1:1", "", "unix:" + defaultSocket()},
		{"unix:/of/config", "tcp:127.0.0.1:1", "socket", "tcp:127.0.0.1:1"},
	} {
		a := &app{socket: c.socket}
		if got := a.listenAt(c.listen, func(flag string) bool { return flag == c.said }); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

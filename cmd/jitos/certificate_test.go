package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"jitos.dev/net/wire"
)

// A daemon's own certificate stays the same until its time is over, is for the
// names it is reached by, and its key is for nobody else to read.
func TestOwnCertificate(t *testing.T) {
	dir, now := t.TempDir(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	pin := func(hosts []string, now time.Time) string {
		t.Helper()
		c, err := ownCertificate(dir, hosts, now)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range []string{"localhost", "127.0.0.1", "build.example", "192.0.2.1"} {
			if err := c.Leaf.VerifyHostname(h); err != nil {
				t.Error(err)
			}
		}
		return wire.Fingerprint(c.Leaf.Raw)
	}
	hosts := []string{"build.example", "192.0.2.1"}
	first := pin(hosts, now)
	if again := pin(nil, now.Add(certificateLife-time.Second)); again != first {
		t.Error("it was made anew before its time was over")
	}
	if after := pin(hosts, now.Add(certificateLife)); after == first {
		t.Error("it was not made anew")
	}
	info, err := os.Stat(filepath.Join(dir, "tls", "key.pem"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "tls", ".new*")); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
	// What cannot be read is not replaced: callers know it by its fingerprint.
	if err := os.WriteFile(filepath.Join(dir, "tls", "cert.pem"), []byte("?"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ownCertificate(dir, hosts, now); err == nil {
		t.Error("a broken certificate was replaced, or used")
	}
}

// What is said about the network has to make sense before anything is opened.
func TestRemoteOptions(t *testing.T) {
	for _, bad := range []remoteOptions{
		{address: "7443"}, {address: "x"}, {cert: "c", key: "k"}, {hosts: []string{"h"}}, {address: ":1", cert: "c"}, {address: ":1", key: "k"},
	} {
		if bad.check() == nil {
			t.Errorf("%+v", bad)
		}
	}
	c := configuration{}
	c.Daemon.TCP, c.Daemon.TCPHosts, c.Daemon.TLSCert, c.Daemon.TLSKey = ":2", []string{"file"}, "c", "k"
	o := remoteOptions{address: ":1", cert: "x", key: "y"}
	o.configure(func(name string) bool { return slices.Contains([]string{"tcp", "tls-cert"}, name) }, c)
	if o.address != ":1" || o.hosts[0] != "file" || o.cert != "x" || o.key != "y" {
		t.Errorf("%+v", o)
	}
}

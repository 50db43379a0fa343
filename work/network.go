package work

import (
	"fmt"
	"strconv"
	"strings"

	"jitos.dev/rmg"
)

// Connection is one attempt of a sandboxed command to reach somebody, as the
// proxy saw it. It stands in the output of the task.
type Connection struct {
	Host     string   `json:"host"` // "api.example.com:443"; what was asked for, where it is none
	Verdict  string   `json:"verdict"`
	Code     rmg.Code `json:"code,omitempty"` // of what was not allowed, or failed
	Why      string   `json:"why,omitempty"`
	Sent     int64    `json:"sent"` // bytes, by the command
	Received int64    `json:"received"`
}

// The verdicts of a connection.
const (
	Connected = "allowed"
	Refused   = "refused" // by the allow-list, or as no request
	Failed    = "failed"  // allowed, and the host could not be reached
)

// The limits of a list of hosts.
const (
	maxHosts    = 100
	maxHostName = 253
	maxLabel    = 63
)

// ParseHost reads a place on the network, "name:port", into the one form that it
// is compared in: lower case, no dot at the end. A name is ASCII; an address is
// IPv4 in four plain decimals. Invalid: anything else.
func ParseHost(s string) (string, error) {
	bad := func(why string) (string, error) {
		return "", &rmg.Error{
			Op: "network", Code: rmg.Invalid, Msg: fmt.Sprintf("%q is no host and port: %s", short(s), why), Hint: "for example api.example.com:443",
		}
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return bad("there is no port")
	}
	name, port := strings.TrimSuffix(strings.ToLower(s[:i]), "."), s[i+1:]
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != port {
		return bad("a port is a number from 1 to 65535")
	}
	if name == "" || len(name) > maxHostName {
		return bad(fmt.Sprintf("a name has 1 to %d bytes", maxHostName))
	}
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if l == "" || len(l) > maxLabel || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return bad("a name is made of labels of a-z, 0-9, - and _; others are written as xn--")
		}
	}
	if IsAddress(name) {
		return name + ":" + port, nil
	}
	if last := labels[len(labels)-1]; last[0] >= '0' && last[0] <= '9' {
		return bad("an address has four plain decimals") // whatever else a resolver takes for one
	}
	return name + ":" + port, nil
}

func short(s string) string {
	return s[:min(len(s), maxHostName+6)]
}

// IsAddress reports whether a name is an IPv4 address in its one plain form.
func IsAddress(name string) bool {
	parts := strings.Split(name, ".")
	for _, p := range parts {
		if n, err := strconv.Atoi(p); err != nil || n < 0 || n > 255 || strconv.Itoa(n) != p {
			return false
		}
	}
	return len(parts) == 4
}

// ParseHosts reads a list of hosts, and keeps its order. Invalid: one is none, or
// stands twice. Limit: more than 100.
func ParseHosts(list []string) ([]string, error) {
	if len(list) > maxHosts {
		return nil, &rmg.Error{Op: "network", Code: rmg.Limit, Msg: fmt.Sprintf("%d hosts are named, and the limit is %d", len(list), maxHosts), Hint: "name fewer"}
	}
	var out []string
	seen := map[string]bool{}
	for _, s := range list {
		h, err := ParseHost(s)
		if err != nil {
			return nil, err
		}
		if seen[h] {
			return nil, &rmg.Error{Op: "network", Code: rmg.Invalid, Msg: fmt.Sprintf("%s stands twice", h)}
		}
		seen[h] = true
		out = append(out, h)
	}
	return out, nil
}

package server

import (
	"bytes"
	"net/http"
	"strings"
)

// quickRequest is a request that the front may answer.
type quickRequest struct {
	route  string // method and path
	path   string
	id     string // in the path; "" in most
	target string
	query  string
	host   string
	body   []byte
}

// cut cuts a request into its parts; its header is f.head. It takes what every
// client sends and no more: false is no judgement, but leaves it to net/http.
func (f *front) cut(text []byte) (q quickRequest, ok bool) {
	at := bytes.Index(text, []byte("\r\n\r\n"))
	if at < 0 {
		return q, false
	}
	head := string(text[:at+2]) // once; what is cut from it is of the same memory
	q.body = text[at+4:]
	line, rest, _ := strings.Cut(head, "\r\n")
	target, ok := strings.CutSuffix(line, " HTTP/1.1")
	if !ok {
		return q, false
	}
	method, target, _ := strings.Cut(target, " ")
	path, query, asks := strings.Cut(target, "?")
	if len(target) == 0 || target[0] != '/' || !plainText(target) || asks && query == "" {
		return q, false
	}
	q.route, q.path, q.target, q.query = line[:len(method)+1+len(path)], path, target, query
	clear(f.head)
	f.vals = f.vals[:0]
	length := 0
	for rest != "" {
		if line, rest, ok = strings.Cut(rest, "\r\n"); !ok {
			return q, false
		}
		name, value, ok := strings.Cut(line, ":")
		value = strings.Trim(value, " ")
		if name = properName(name); !ok || name == "" || !plainValue(value) || f.head[name] != nil || len(f.head) == maxQuickHeaders {
			return q, false
		}
		switch name {
		case "Transfer-Encoding", "Trailer", "Te", "Expect", "Connection", "Upgrade", "Cookie":
			return q, false
		case "Host":
			if q.host != "" || strings.Trim(value, hostLetters) != "" {
				return q, false
			}
			q.host = value
			continue
		case "Content-Length":
			if length, ok = decimal(value); !ok {
				return q, false
			}
		}
		f.vals = append(f.vals, value)
		f.head[name] = f.vals[len(f.vals)-1 : len(f.vals) : len(f.vals)]
	}
	return q, q.host != "" && length == len(q.body) && (method == http.MethodPost || length == 0)
}

// quickCall is the call that a request is of, if the front may answer it. A path with
// an id is taken apart as http.ServeMux takes it, which for letters and digits is as
// they stand.
func (s *Server) quickCall(q *quickRequest) *call {
	if c := s.quick[q.route]; c != nil && !strings.Contains(q.path, "{") { // a path may be a pattern's text
		return c
	}
	const before, after = "POST /sws/", "/rewrite"
	id, ok := strings.CutPrefix(q.route, before)
	if !ok {
		return nil
	}
	if id, ok = strings.CutSuffix(id, after); !ok || id == "" || strings.Trim(id, idLetters) != "" {
		return nil
	}
	q.id = id
	return s.quick[before+"{id}"+after]
}

// What is plain enough for the front.
const (
	maxQuickHeaders = 32
	maxQuickDigits  = 6
	idLetters       = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	hostLetters     = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:"
)

// plainText reports whether a target has nothing in it that a reader could take for
// something else.
func plainText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '#' || c == '"' || c == '<' || c == '>' || c == '\\' {
			return false
		}
	}
	return true
}

// plainValue reports whether a header's value is printable ASCII.
func plainValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// properName is a header's name as net/http writes it; "" if it has more than
// letters, digits and hyphens.
func properName(name string) string {
	first, proper := true, true
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z':
			proper = proper && !first
		case 'A' <= c && c <= 'Z':
			proper = proper && first
		case c != '-' && (c < '0' || c > '9'):
			return ""
		}
		first = name[i] == '-'
	}
	if proper {
		return name
	}
	return http.CanonicalHeaderKey(name)
}

// decimal reads a length that is no longer than a request of the front may be.
func decimal(s string) (n int, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + int(s[i]-'0')
	}
	return n, s != "" && len(s) <= maxQuickDigits
}

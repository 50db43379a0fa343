package server

import (
	"bytes"

	"jitos.dev/net/wire"
	"jitos.dev/rewrite"
)

// jsonSpace is what JSON allows between its tokens.
const jsonSpace = " \t\r\n"

// rewriteOf reads the body of a rewrite as programs send it: ops, reason and, if
// it may have one, view, each once, in strings without escapes. Ops are read by what reads them anyway.
// false: it is another one, or has a fault; encoding/json says which.
func rewriteOf(data []byte, views bool) (in wire.RewriteRequest, ok bool) {
	data, ok = after(data, '{')
	var view, ops, reason bool
	for ok {
		var name, text string
		if name, data, ok = plainString(data); !ok {
			return in, false
		}
		if data, ok = after(data, ':'); !ok {
			return in, false
		}
		switch {
		case name == "ops" && !ops:
			ops = true
			in.Ops, data, ok = opsOf(data)
		case name == "view" && views && !view:
			view = true
			text, data, ok = plainString(data)
			in.View = text
		case name == "reason" && !reason:
			reason = true
			text, data, ok = plainString(data)
			in.Reason = text
		default:
			return in, false
		}
		if !ok {
			return in, false
		}
		if rest, more := after(data, ','); more {
			data = rest
			continue
		}
		data, ok = after(data, '}')
		return in, ok && len(bytes.TrimLeft(data, jsonSpace)) == 0
	}
	return in, false
}

// opsOf reads a list of ops, and returns what follows it.
func opsOf(data []byte) (ops []rewrite.Op, rest []byte, ok bool) {
	if data, ok = after(data, '['); !ok {
		return nil, nil, false
	}
	ops = make([]rewrite.Op, 0, 1)
	for {
		data = bytes.TrimLeft(data, jsonSpace)
		n := objectEnd(data)
		if n < 0 {
			return nil, nil, false
		}
		var op rewrite.Op
		if op.UnmarshalJSON(data[:n]) != nil { // which looks whether it is JSON
			return nil, nil, false
		}
		ops = append(ops, op)
		if rest, more := after(data[n:], ','); more {
			data = rest
			continue
		}
		rest, ok = after(data[n:], ']')
		return ops, rest, ok
	}
}

// after returns what follows a token.
func after(data []byte, token byte) ([]byte, bool) {
	data = bytes.TrimLeft(data, jsonSpace)
	if len(data) == 0 || data[0] != token {
		return nil, false
	}
	return data[1:], true
}

// plainString reads a string of printable ASCII without escapes, and returns what
// follows it.
func plainString(data []byte) (text string, rest []byte, ok bool) {
	data, _ = after(data, '"')
	for i := range data {
		switch c := data[i]; {
		case c == '"':
			return string(data[:i]), data[i+1:], true
		case c < ' ' || c > '~' || c == '\\':
			return "", nil, false
		}
	}
	return "", nil, false
}

// objectEnd is where the object ends that the text begins with; -1 if it begins with
// none, or there is no end. What is not JSON in it is not looked for.
func objectEnd(data []byte) int {
	if len(data) == 0 || data[0] != '{' {
		return -1
	}
	depth, within := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case within && c == '\\':
			i++
		case c == '"':
			within = !within
		case within:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

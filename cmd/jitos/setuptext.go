package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Other people's files are changed where ours stands in them, and nowhere else:
// their order, indentation and comments are theirs.

// setBlock puts a text between two marks, at the end where there are none yet.
// An empty text takes marks and all away.
func setBlock(old, begin, end, text string) (string, error) {
	i, j := strings.Index(old, begin), strings.Index(old, end)
	if (i < 0) != (j < 0) || j < i {
		return "", fmt.Errorf("one of the marks %q and %q is missing; take the other out by hand", begin, end)
	}
	block := ""
	if text != "" {
		block = begin + "\n" + text + end + "\n"
	}
	if i < 0 {
		switch {
		case text == "", old == "":
			return old + block, nil
		case strings.HasSuffix(old, "\n"):
			return old + "\n" + block, nil
		}
		return old + "\n\n" + block, nil
	}
	rest := strings.TrimPrefix(old[j+len(end):], "\n")
	if block == "" { // with the empty line that came with it
		return strings.TrimSuffix(old[:i], "\n") + rest, nil
	}
	return old[:i] + block + rest, nil
}

const tomlTable = "[mcp_servers.jitos]"

// setServerTOML sets the server's table in a configuration of Codex.
func setServerTOML(old, command string, undo bool) (string, error) {
	const begin, end = "# jitos setup: begin", "# jitos setup: end"
	if !strings.Contains(old, begin) && strings.Contains(old, tomlTable) {
		if undo {
			return old, nil
		}
		return "", errors.New("it has a table " + tomlTable + " that setup did not write; change it by hand")
	}
	text := fmt.Sprintf("%s\ncommand = %q\nargs = [\"mcp\"]\n", tomlTable, command)
	if undo {
		text = ""
	}
	return setBlock(old, begin, end, text)
}

// setMember sets the member name of the member container of a JSON object, or
// with an empty value takes it out; a container that is empty then goes too, and
// so does the whole text.
func setMember(text, container, name, value string) (string, error) {
	if strings.TrimSpace(text) == "" {
		if value == "" {
			return text, nil
		}
		text = "{}\n"
	}
	top, err := objectAt(text, 0)
	if err != nil {
		return "", err
	}
	outer := top.find(container)
	if value == "" {
		return takeMember(text, top, outer, name)
	}
	if outer < 0 {
		return top.add(text, container, fmt.Sprintf("{\n%s%s%q: %s\n%s}", top.indent, top.indent, name, value, top.indent), 1), nil
	}
	inner, err := objectAt(text, top.members[outer].from)
	if err != nil {
		return "", err
	}
	i := inner.find(name)
	if i < 0 {
		inner.indent = top.indent
		return inner.add(text, name, value, 2), nil
	}
	m := inner.members[i]
	var a, b any
	if json.Unmarshal([]byte(text[m.from:m.to]), &a) == nil && json.Unmarshal([]byte(value), &b) == nil && reflect.DeepEqual(a, b) {
		return text, nil
	}
	return text[:m.from] + value + text[m.to:], nil
}

func takeMember(text string, top object, outer int, name string) (string, error) {
	if outer < 0 {
		return text, nil
	}
	inner, err := objectAt(text, top.members[outer].from)
	if err != nil {
		return "", err
	}
	switch i := inner.find(name); {
	case i < 0:
		return text, nil
	case len(inner.members) > 1:
		return inner.remove(text, i), nil
	case len(top.members) > 1:
		return top.remove(text, outer), nil
	}
	return "", nil
}

// object is where the members of a JSON object stand in its text.
type object struct {
	members    []member
	open, shut int    // the braces
	indent     string // of one level
}

type member struct {
	name     string
	key      int // where the name begins
	from, to int // the value
}

// objectAt reads the object that begins at an offset of a text.
func objectAt(text string, at int) (object, error) {
	plain := errors.New("it is not a plain JSON object (are there comments in it?); add the entry by hand")
	if at == 0 && !json.Valid([]byte(text)) {
		return object{}, plain
	}
	d := json.NewDecoder(strings.NewReader(text[at:]))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return object{}, plain
	}
	o := object{open: at + int(d.InputOffset()) - 1, indent: indentOf(text)}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return object{}, plain
		}
		after := at + int(d.InputOffset())
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return object{}, plain
		}
		to := at + int(d.InputOffset())
		o.members = append(o.members, member{name: name, key: keyBefore(text, after), from: to - len(bytes.TrimSpace(raw)), to: to})
	}
	if _, err := d.Token(); err != nil {
		return object{}, plain
	}
	o.shut = at + int(d.InputOffset()) - 1
	return o, nil
}

// keyBefore is where the string begins that ends before an offset.
func keyBefore(text string, end int) int {
	i := end - 2
	for i > 0 && (text[i] != '"' || backslashed(text, i)) {
		i--
	}
	return i
}

// backslashed reports whether an odd number of backslashes stand before an offset.
func backslashed(text string, i int) bool {
	n := 0
	for i-n-1 >= 0 && text[i-n-1] == '\\' {
		n++
	}
	return n%2 == 1
}

// indentOf is what one level is indented by.
func indentOf(text string) string {
	for line := range strings.Lines(text) {
		if in := line[:len(line)-len(strings.TrimLeft(line, " \t"))]; in != "" && strings.TrimSpace(line) != "" {
			return in
		}
	}
	return "  "
}

func (o object) find(name string) int {
	for i, m := range o.members {
		if m.name == name {
			return i
		}
	}
	return -1
}

// add puts a member behind the others, level levels deep.
func (o object) add(text, name, value string, level int) string {
	pad := strings.Repeat(o.indent, level)
	one := fmt.Sprintf("\n%s%q: %s", pad, name, value)
	if n := len(o.members); n > 0 {
		at := o.members[n-1].to
		return text[:at] + "," + one + text[at:]
	}
	return text[:o.open+1] + one + "\n" + strings.Repeat(o.indent, level-1) + text[o.shut:]
}

// remove takes a member out, with the comma that is too many then.
func (o object) remove(text string, i int) string {
	if i > 0 {
		return text[:o.members[i-1].to] + text[o.members[i].to:]
	}
	return text[:o.members[0].key] + text[o.members[1].key:]
}

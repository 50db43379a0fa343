package kernel

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"jitos.dev/rmg"
)

// Where the policy stands, and as what.
const (
	policyRoot     = rmg.Path("/policy")
	kindPolicy     = "Policy"
	kindPolicyRule = "PolicyRule"
	propProtected  = "protected"
)

// The limits of a policy document.
const (
	maxPolicy      = 256 << 10 // bytes of YAML
	maxPolicyDepth = 8         // flow collections within each other
	maxRules       = 500
	maxRuleList    = 200 // verbs, paths or kinds of a rule; protected globs are ten times as many
	maxRuleName    = 100 // bytes
)

// defaultPolicy is the default policy's document.
//
//go:embed policy.yaml
var defaultPolicy string

// PolicyDocument is a policy as it is written: YAML for people, nodes below
// /policy in the graph. It says only what differs from the default policy.
type PolicyDocument struct {
	Protected []string       `yaml:"protected,omitempty"` // nil: as by default
	Settings  map[string]any `yaml:"settings,omitempty"`  // props of /policy that others read
	Rules     []PolicyRule   `yaml:"rules,omitempty"`

	settings map[string]rmg.Value
}

// ParsePolicyDocument reads YAML. Invalid: it is none, or says what a policy
// does not have. Whether its rules compile is for Compile to say.
func ParsePolicyDocument(data []byte) (d PolicyDocument, err error) {
	// The YAML library has panicked on text that is no policy; what anybody may
	// send must not end the daemon.
	defer func() {
		if cause := recover(); cause != nil {
			d, err = PolicyDocument{}, &rmg.Error{Op: "policy", Code: rmg.Invalid, Msg: "the YAML cannot be read", Hint: "jitos policy show prints one that counts"}
		}
	}()
	bad := func(format string, args ...any) error {
		return &rmg.Error{Op: "policy", Code: rmg.Invalid, Msg: fmt.Sprintf(format, args...), Hint: "jitos policy show prints one that counts"}
	}
	if len(data) > maxPolicy {
		return PolicyDocument{}, bad("%d bytes; the limit is %d", len(data), maxPolicy)
	}
	if !utf8.Valid(data) {
		return PolicyDocument{}, bad("it is not UTF-8")
	}
	if tooNested(data) {
		return PolicyDocument{}, bad("it is nested deeper than %d", maxPolicyDepth)
	}
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		return PolicyDocument{}, bad("not YAML: %s", yaml.FormatError(err, false, false))
	}
	if len(f.Docs) > 1 {
		return PolicyDocument{}, bad("a file holds one document; a second begins")
	}
	for _, d := range f.Docs {
		if d.Body == nil {
			continue
		}
		for _, typ := range []ast.NodeType{ast.AliasType, ast.AnchorType, ast.TagType, ast.MergeKeyType} {
			if n := ast.Filter(typ, d.Body); len(n) > 0 {
				return PolicyDocument{}, bad("line %d: anchors, aliases, tags and merge keys are not taken", n[0].GetToken().Position.Line)
			}
		}
	}
	var doc PolicyDocument
	if len(bytes.TrimSpace(data)) == 0 || len(f.Docs) == 0 || f.Docs[0].Body == nil || f.Docs[0].Body.Type() == ast.CommentType {
		return doc, doc.readSettings()
	}
	if err := yaml.UnmarshalWithOptions(data, &doc, yaml.DisallowUnknownField()); err != nil {
		return PolicyDocument{}, bad("%s", yaml.FormatError(err, false, false))
	}
	return doc, doc.readSettings()
}

// tooNested looks for what the parser, which recurses, may not be let into.
func tooNested(data []byte) bool {
	depth, run := 0, 0
	for i, c := range data {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		case '\n':
			depth, run = max(0, depth), 0
		case '-', '?', ':':
			if i+1 < len(data) && data[i+1] == ' ' {
				run++
			}
		}
		if depth > 10*maxPolicyDepth || run > 10*maxPolicyDepth {
			return true
		}
	}
	return false
}

// readSettings turns the document's settings into props.
func (d *PolicyDocument) readSettings() error {
	d.settings = map[string]rmg.Value{}
	for name, v := range d.Settings {
		out, ok := settingOf(v)
		if !ok || !isSettingName(name) {
			return &rmg.Error{
				Op: "policy", Path: policyRoot, Code: rmg.Invalid, Msg: fmt.Sprintf("setting %q cannot be kept", name),
				Hint: "a name of lower-case letters, digits and _; a value that is true, false, a number, a text or a list of texts",
			}
		}
		d.settings[name] = out
	}
	return nil
}

func isSettingName(s string) bool {
	return s != "" && s != propProtected && len(s) <= maxRuleName && s[0] >= 'a' && s[0] <= 'z' &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

func settingOf(v any) (rmg.Value, bool) {
	switch v := v.(type) {
	case bool:
		return rmg.Bool(v), true
	case int64:
		return rmg.Int(v), true
	case uint64:
		return rmg.Int(int64(v)), v < 1<<62
	case float64:
		return rmg.Float(v), v == v
	case string:
		return rmg.String(v), true
	case []any:
		var list []rmg.Value
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return rmg.Value{}, false
			}
			list = append(list, rmg.String(s))
		}
		return rmg.List(list...), true
	}
	return rmg.Value{}, false
}

// plainSetting is a setting as YAML has it.
func plainSetting(v rmg.Value) any {
	if b, ok := v.AsBool(); ok {
		return b
	}
	if i, ok := v.AsInt(); ok {
		return i
	}
	if f, ok := v.AsFloat(); ok {
		return f
	}
	if s, ok := v.AsString(); ok {
		return s
	}
	if list, ok := v.AsList(); ok {
		out := []any{}
		for _, e := range list {
			out = append(out, plainSetting(e))
		}
		return out
	}
	return nil // no document can hold it
}

// YAML writes the document, rules by name.
func (d PolicyDocument) YAML() ([]byte, error) {
	d.Rules = slices.Clone(d.Rules)
	sortRules(d.Rules)
	return yaml.MarshalWithOptions(d, yaml.IndentSequence(true), yaml.UseLiteralStyleIfMultiline(true))
}

func sortRules(list []PolicyRule) {
	slices.SortFunc(list, func(a, b PolicyRule) int { return strings.Compare(a.Name, b.Name) })
}

// graph is the document as the element at /policy.
func (d PolicyDocument) graph() (rmg.Element, error) {
	props := map[string]rmg.Value{}
	for n, v := range d.settings {
		props[n] = v
	}
	if d.Protected != nil {
		props[propProtected] = textList(d.Protected)
	}
	o := rmg.NewOverlay(rmg.Graph{})
	for _, r := range d.Rules {
		rp := map[string]rmg.Value{"effect": rmg.String(string(r.Effect)), "verbs": textList(r.Verbs)}
		if len(r.Paths) > 0 {
			rp["paths"] = textList(r.Paths)
		}
		if len(r.Kinds) > 0 {
			rp["kinds"] = textList(r.Kinds)
		}
		if r.When != "" {
			rp["when"] = rmg.String(r.When)
		}
		if r.Reason != "" {
			rp["reason"] = rmg.String(r.Reason)
		}
		if err := o.AddNode(rmg.Root.Child(r.Name), kindPolicyRule, rmg.PropsOf(rp)); err != nil {
			return rmg.Element{}, err
		}
	}
	return rmg.Element{ID: policyRoot.Base().ID, Kind: kindPolicy, Props: rmg.PropsOf(props), Graph: o.Graph()}, nil
}

// readPolicy reads the document that an element holds. What is not a policy's
// is a fault, not passed over: a rule that is misspelt must not count as none.
func readPolicy(e rmg.Element) (PolicyDocument, error) {
	d := PolicyDocument{settings: map[string]rmg.Value{}}
	bad := func(p rmg.Path, format string, args ...any) (PolicyDocument, error) {
		return PolicyDocument{}, &rmg.Error{Op: "policy", Path: p, Code: rmg.Invalid, Msg: fmt.Sprintf(format, args...)}
	}
	for name, v := range e.Props.All() {
		if name != propProtected {
			d.settings[name] = v
			continue
		}
		list, ok := textsOf(v)
		if !ok {
			return bad(policyRoot, "protected is not a list of texts")
		}
		d.Protected = list
	}
	for edge := range e.Graph.Edges("") {
		return bad(policyRoot.EdgeChild(edge.ID), "a policy has rules and no edges")
	}
	for n := range e.Graph.Nodes("") {
		at := policyRoot.Child(n.ID)
		if n.Kind != kindPolicyRule {
			return bad(at, "it is a %s, not a %s", n.Kind, kindPolicyRule)
		}
		r := PolicyRule{Name: n.ID}
		for name, v := range n.Props.All() {
			s, isText := v.AsString()
			list, isList := textsOf(v)
			ok := isText
			switch name {
			case "effect":
				r.Effect = Effect(s)
			case "when":
				r.When = s
			case "reason":
				r.Reason = s
			case "verbs":
				r.Verbs, ok = list, isList
			case "paths":
				r.Paths, ok = list, isList
			case "kinds":
				r.Kinds, ok = list, isList
			default:
				return bad(at, "rule %q: a rule has no prop %q", n.ID, name)
			}
			if !ok {
				return bad(at, "rule %q: prop %s has the wrong type", n.ID, name)
			}
		}
		d.Rules = append(d.Rules, r)
	}
	return d, nil
}

func textsOf(v rmg.Value) ([]string, bool) {
	list, ok := v.AsList()
	out := []string{}
	for _, e := range list {
		s, isText := e.AsString()
		ok = ok && isText
		out = append(out, s)
	}
	return out, ok
}

// fillSettings makes the settings as they are read from the graph those that
// YAML writes.
func (d *PolicyDocument) fillSettings() {
	if len(d.settings) == 0 {
		return
	}
	d.Settings = map[string]any{}
	for n, v := range d.settings {
		d.Settings[n] = plainSetting(v)
	}
}

package tasks

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Target is something an intent can be about; the kernel lists them from the
// graph.
type Target struct {
	Name string // "AuthService", "internal/token", "token.go", "ValidateToken"
	Type string // "repository", "folder", "file", "symbol"
	Ref  string // graph path
	File string // for a symbol, relative path of the file; else the path relative to the repository
}

// NotUnderstood is returned by Understand for text that fits no phrase.
type NotUnderstood struct {
	Text    string
	Nearest []string // phrases, nearest first
}

func (e *NotUnderstood) Error() string { return fmt.Sprintf("no method understands %q", e.Text) }

// NoTarget is returned by Understand when the phrase fits but no target has
// that name, or several do.
type NoTarget struct {
	Name      string
	Nearest   []string // names of targets, nearest first
	Ambiguous []Target // two or more; empty if there is none
}

func (e *NoTarget) Error() string {
	if len(e.Ambiguous) > 0 {
		return fmt.Sprintf("%q is the name of %d things", e.Name, len(e.Ambiguous))
	}
	return fmt.Sprintf("there is no %q here", e.Name)
}

// phrase is a way to ask for a method's task: words, [optional words],
// alternatives (a|b) and slots {name}.
type phrase struct {
	text   string
	method *methodDef
	parts  []part
}

// part is one or more words, one of which has to come (or none, if optional),
// or a slot.
type part struct {
	words    []string
	optional bool
	slot     string
}

// maxText bounds the text of an intent, in words.
const maxText = 200

func parsePhrase(text string, m *methodDef) (*phrase, error) {
	p := &phrase{text: text, method: m}
	for _, f := range strings.Fields(text) {
		var x part
		switch {
		case strings.HasPrefix(f, "{") && strings.HasSuffix(f, "}") && len(f) > 2:
			x.slot = f[1 : len(f)-1]
			if n := len(p.parts); n > 0 && p.parts[n-1].slot != "" {
				return nil, fmt.Errorf("phrase %q: two slots need a word between them", text)
			}
		case strings.HasPrefix(f, "[") && strings.HasSuffix(f, "]") && len(f) > 2:
			x.words, x.optional = strings.Split(f[1:len(f)-1], "|"), true
		case strings.HasPrefix(f, "(") && strings.HasSuffix(f, ")") && len(f) > 2:
			x.words = strings.Split(f[1:len(f)-1], "|")
		case strings.ContainsAny(f, "{}[]()|"):
			return nil, fmt.Errorf("phrase %q: %q is neither a word, [optional], (a|b) nor {slot}", text, f)
		default:
			x.words = []string{f}
		}
		if x.slot != "" && slices.Contains(p.slots(), x.slot) {
			return nil, fmt.Errorf("phrase %q: slot {%s} stands twice", text, x.slot)
		}
		p.parts = append(p.parts, x)
	}
	if !slices.ContainsFunc(p.parts, func(x part) bool { return len(x.words) > 0 && !x.optional }) {
		return nil, fmt.Errorf("phrase %q: it would fit anything; it needs a word that has to come", text)
	}
	return p, nil
}

func (p *phrase) slots() []string {
	var out []string
	for _, x := range p.parts {
		if x.slot != "" {
			out = append(out, x.slot)
		}
	}
	return out
}

// words splits text at spaces; what is in quotes is one word. A full stop or
// question mark at the very end is no part of it.
func words(text string) []string {
	text = strings.TrimRight(strings.TrimSpace(text), "!?")
	if strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "..") && !strings.HasSuffix(text, " .") && !strings.HasSuffix(text, "/.") && text != "." {
		text = text[:len(text)-1]
	}
	var out []string
	for text != "" {
		text = strings.TrimLeft(text, " \t\n")
		if text == "" {
			break
		}
		if q := text[0]; q == '"' || q == '\'' || q == '`' {
			if end := strings.IndexByte(text[1:], q); end > 0 {
				out = append(out, text[1:1+end])
				text = text[2+end:]
				continue
			}
		}
		end := strings.IndexAny(text, " \t\n")
		if end < 0 {
			end = len(text)
		}
		out = append(out, text[:end])
		text = text[end:]
	}
	return out
}

// match fits words to a phrase, each slot taking as few as will do, and returns
// what the slots hold.
func (p *phrase) match(ws []string) (map[string]string, bool) {
	slots := map[string]string{}
	var fit func(parts []part, ws []string) bool
	steps := 0
	fit = func(parts []part, ws []string) bool {
		if steps++; steps > 10_000 {
			return false
		}
		if len(parts) == 0 {
			return len(ws) == 0
		}
		x := parts[0]
		if x.slot != "" {
			for n := 1; n <= len(ws); n++ {
				if fit(parts[1:], ws[n:]) {
					slots[x.slot] = strings.Join(ws[:n], " ")
					return true
				}
			}
			return false
		}
		if len(ws) > 0 && slices.ContainsFunc(x.words, func(w string) bool { return strings.EqualFold(w, ws[0]) }) && fit(parts[1:], ws[1:]) {
			return true
		}
		return x.optional && fit(parts[1:], ws)
	}
	ok := fit(p.parts, ws)
	return slots, ok
}

// Understand turns text into SLAPS by the methods' phrases. Matching folds
// case and spaces, and takes quoted arguments and paths (./pkg). The target is
// resolved among targets by ResolveTarget. Of several phrases that fit, the one
// with most words of its own is meant, then the first declared; one whose
// target resolves goes before one whose does not.
func (l *Library) Understand(text string, targets []Target) (SLAPS, error) {
	ws := words(text)
	if len(ws) == 0 || len(ws) > maxText {
		return SLAPS{}, &NotUnderstood{Text: text, Nearest: l.nearest(ws)}
	}
	type fit struct {
		p     *phrase
		slots map[string]string
		own   int
	}
	var fits []fit
	for _, p := range l.phrases {
		if slots, ok := p.match(ws); ok {
			own := len(ws)
			for _, v := range slots {
				own -= len(strings.Fields(v))
			}
			fits = append(fits, fit{p, slots, own})
		}
	}
	if len(fits) == 0 {
		return SLAPS{}, &NotUnderstood{Text: text, Nearest: l.nearest(ws)}
	}
	slices.SortStableFunc(fits, func(a, b fit) int { return b.own - a.own })
	var first error
	for _, f := range fits {
		s, err := l.slaps(text, f.p.method, f.slots, targets)
		if err == nil {
			return s, nil
		}
		if first == nil {
			first = err
		}
	}
	return SLAPS{}, first
}

// slaps fills a document from a phrase's slots.
func (l *Library) slaps(text string, m *methodDef, slots map[string]string, targets []Target) (SLAPS, error) {
	s := SLAPS{Version: "1", Intent: m.Task, Text: text}
	params := l.tasks[m.Task].Params
	for _, name := range keys(params) {
		value, ok := slots[name]
		if !ok {
			value, ok = m.Defaults[name]
		}
		if !ok {
			continue
		}
		if params[name] != "target" {
			if s.Parameters == nil {
				s.Parameters = map[string]any{}
			}
			s.Parameters[name] = value
			continue
		}
		ref, err := ResolveTarget(value, targets)
		if err != nil {
			return SLAPS{}, err
		}
		s.Target = ref
	}
	if env, ok := s.Parameters["environment"].(string); ok {
		s.Context.Environment = env
	}
	if s.Target.Name == "" {
		return SLAPS{}, &NoTarget{Name: "a target"}
	}
	return s, nil
}

// ResolveTarget finds what a name means: a path (".", "./pkg", "./..."), then
// a repository, folder, file or symbol by exact name, then folding case and
// the signs between words. Two of one kind are ambiguous.
func ResolveTarget(name string, targets []Target) (TargetRef, error) {
	asked := strings.TrimPrefix(strings.TrimPrefix(name, "the "), "package ")
	clean := path.Clean(strings.TrimSuffix(strings.TrimSuffix(asked, "..."), "/"))
	for _, t := range targets {
		if (strings.HasPrefix(asked, ".") || strings.Contains(asked, "/")) && t.Type != "symbol" && t.File == clean {
			return TargetRef{Name: asked, Type: t.Type, Ref: t.Ref}, nil
		}
	}
	if asked == "." || asked == "./..." || strings.EqualFold(asked, "this repository") {
		for _, t := range targets {
			if t.Type == "repository" {
				return TargetRef{Name: t.Name, Type: t.Type, Ref: t.Ref}, nil
			}
		}
	}
	if clean == ".." || strings.HasPrefix(asked, "./") || strings.HasPrefix(asked, "../") {
		// Somebody who writes a path means that path: ./a-b is not a/b.
		return TargetRef{}, &NoTarget{Name: asked, Nearest: nearestTargets(asked, targets)}
	}
	exact := func(name string) string { return name }
	for _, as := range []func(string) string{exact, fold} {
		want := as(asked)
		if want == "" {
			continue // signs alone are nobody's name
		}
		for _, typ := range []string{"repository", "folder", "file", "symbol"} {
			var found []Target
			for _, t := range targets {
				if t.Type == typ && slices.ContainsFunc(t.calls(), func(n string) bool { return as(n) == want }) {
					found = append(found, t)
				}
			}
			if len(found) == 1 {
				return TargetRef{Name: found[0].Name, Type: typ, Ref: found[0].Ref}, nil
			}
			if len(found) > 1 {
				if typ == "symbol" && oneFile(found) {
					return TargetRef{Name: found[0].Name, Type: typ, Ref: found[0].Ref}, nil
				}
				return TargetRef{}, &NoTarget{Name: asked, Ambiguous: found}
			}
		}
	}
	return TargetRef{}, &NoTarget{Name: asked, Nearest: nearestTargets(asked, targets)}
}

// calls lists the names that a target goes by: a symbol its own, a folder its
// last element too, a file that without its ending too.
func (t Target) calls() []string {
	base := path.Base(t.Name)
	switch t.Type {
	case "symbol":
		return []string{t.Name}
	case "file":
		return []string{t.Name, base, strings.TrimSuffix(base, path.Ext(t.Name))}
	}
	return []string{t.Name, base}
}

func oneFile(ts []Target) bool {
	return !slices.ContainsFunc(ts, func(t Target) bool { return t.Ref != ts[0].Ref })
}

// fold makes names alike that differ in case and in the signs between words.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-_ ./", r) {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

func nearestTargets(name string, targets []Target) []string {
	type near struct {
		name string
		d    int
	}
	var list []near
	asked := fold(name)
	most := 1 + len(asked)/4
	if len(asked) > 100 {
		return nil // a sentence, not a name with a slip in it
	}
	for _, t := range targets {
		d := most + 1
		for _, n := range []string{fold(t.Name), fold(path.Base(t.Name))} {
			if max(len(n)-len(asked), len(asked)-len(n)) <= most {
				d = min(d, editDistance(asked, n))
			}
		}
		if d <= most {
			list = append(list, near{t.Name, d})
		}
	}
	slices.SortStableFunc(list, func(a, b near) int { return a.d - b.d })
	var out []string
	for _, n := range list {
		if !slices.Contains(out, n.name) && len(out) < 5 {
			out = append(out, n.name)
		}
	}
	return out
}

// nearest lists the phrases most like the text: most words in common, then the
// smallest edit distance.
func (l *Library) nearest(ws []string) []string {
	type near struct {
		text      string
		shared, d int
	}
	if len(ws) > maxText {
		ws = ws[:maxText]
	}
	text := strings.ToLower(strings.Join(ws, " "))
	if len(text) > 500 {
		text = text[:500]
	}
	var list []near
	for _, p := range l.phrases {
		n := near{text: p.text, d: editDistance(text, strings.ToLower(p.text))}
		for _, x := range p.parts {
			for _, w := range x.words {
				for _, t := range ws {
					if strings.EqualFold(w, t) || len(w) > 3 && max(len(w)-len(t), len(t)-len(w)) <= 1 && editDistance(strings.ToLower(w), strings.ToLower(t)) <= 1 {
						n.shared++
					}
				}
			}
		}
		list = append(list, n)
	}
	slices.SortStableFunc(list, func(a, b near) int {
		if a.shared != b.shared {
			return b.shared - a.shared
		}
		return a.d - b.d
	})
	var out []string
	for _, n := range list[:min(3, len(list))] {
		out = append(out, n.text)
	}
	return out
}

package rule

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"jitos.dev/rmg"
)

// storedFile is what faults of rules that stand in a graph name as their file, with
// the rule's name.
const storedFile = "/rule/"

// Stored reads rules that stand in a graph as Graph made it, by their names; none
// is all of them, in order of names. Each is held to the kinds of the document that it
// is from; matched are they by the kinds of all, which may not contradict each other:
// of a kind that two declare they say that it is the same kinds besides, and of a prop
// that it has the same type.
//
// NotFound: there is no such rule. Invalid: one cannot be read, or kinds contradict; a
// fault's file is /rule/NAME, its place one in the rule's source.
func Stored(g rmg.Graph, names []string, schemas *rmg.Schemas) (*Set, error) {
	if len(names) == 0 {
		for e := range g.Nodes("") {
			names = append(names, e.ID)
		}
	}
	if len(names) > MaxRules {
		return nil, &rmg.Error{Op: "rules", Code: rmg.Invalid, Msg: fmt.Sprintf("%d rules; the limit is %d", len(names), MaxRules), Hint: "name fewer of them"}
	}
	compiler, err := newCompiler()
	if err != nil {
		return nil, noCompiler(err)
	}
	together := &Set{kinds: map[string]kindDecl{}}
	for _, name := range names {
		one, err := stored(g, name, schemas, compiler)
		if err != nil {
			return nil, err
		}
		if _, twice := together.rule(name); twice {
			continue
		}
		together.Rules = append(together.Rules, one.Rules...)
		if faults := together.learn(one.kinds); len(faults) > 0 {
			return nil, faults.refused()
		}
	}
	if faults := together.circles(); len(faults) > 0 {
		return nil, faults.refused()
	}
	return together, nil
}

// stored reads one rule as its source is.
func stored(g rmg.Graph, name string, schemas *rmg.Schemas, c *compiler) (*Set, error) {
	e, _ := g.Get(rmg.Root.Child(name))
	source := e.Props.String(PropSource)
	if source == "" {
		return nil, &rmg.Error{Op: "rules", Code: rmg.NotFound, Msg: fmt.Sprintf("there is no rule %q", name), Hint: "jitos rule list names those that there are"}
	}
	set, err := load(storedFile+name, []byte(source), schemas, c)
	if err == nil && (len(set.Rules) != 1 || set.Rules[0].Name != name) {
		return nil, &rmg.Error{Op: "rules", Code: rmg.Invalid, Msg: fmt.Sprintf("the source of rule %q is that of %s", name, strings.Join(set.Names(), ", ")), Hint: "jitos rule add puts it right"}
	}
	return set, err
}

// learn adds what another set knows of kinds. What a document declares counts before
// what a schema says, as in one alone.
func (s *Set) learn(kinds map[string]kindDecl) (faults Faults) {
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		more := kinds[name]
		was, known := s.kinds[name]
		switch {
		case !known || was.file == "" && more.file != "":
			more.props = maps.Clone(more.props)
			s.kinds[name] = more
		case more.file == "":
		case !slices.Equal(was.isSorted(), more.isSorted()):
			faults = append(faults, more.fault("kind %s is %s; in %s it is %s", name, more.isText(), was.where(), was.isText()))
		default:
			faults = append(faults, was.learn(name, more)...)
		}
	}
	return faults
}

// learn adds the props that another declaration of the kind has.
func (d kindDecl) learn(name string, more kindDecl) (faults Faults) {
	for _, prop := range slices.Sorted(maps.Keys(more.props)) {
		is, ok := d.props[prop]
		switch {
		case !ok:
			d.props[prop] = more.props[prop]
		case is.Type != more.props[prop].Type:
			faults = append(faults, more.props[prop].fault("prop %s of kind %s is %s; in %s it is %s", prop, name, typeName(more.props[prop].Type), is.where(), typeName(is.Type)))
		}
	}
	return faults
}

// circles tells the kinds that are themselves, by what several documents say.
func (s *Set) circles() (faults Faults) {
	for _, name := range slices.Sorted(maps.Keys(s.kinds)) {
		d := s.kinds[name]
		for _, above := range d.is {
			if slices.Contains(s.above(above), name) {
				faults = append(faults, d.fault("kind %s is itself, by %s", name, above))
			}
		}
	}
	return faults
}

func (d declared) fault(format string, args ...any) Fault {
	return Fault{d.file, max(1, d.line), max(1, d.col), fmt.Sprintf(format, args...)}
}

func (d declared) where() string { return fmt.Sprintf("%s:%d:%d", d.file, d.line, d.col) }

func (d kindDecl) isSorted() []string { return slices.Compact(slices.Sorted(slices.Values(d.is))) }

func (d kindDecl) isText() string {
	if len(d.is) == 0 {
		return "no other"
	}
	return strings.Join(d.isSorted(), " and ")
}

func typeName(t rmg.Type) string {
	for name, x := range typeNames {
		if x == t {
			return name
		}
	}
	return "of no type"
}

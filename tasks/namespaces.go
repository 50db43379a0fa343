package tasks

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// opened is a file of a library before its names are those of the library.
type opened struct {
	doc      *document
	source   Source
	file     file
	included []*opened // by what it says itself
	says     []int     // where, in its list
	seen     map[string]bool
}

// qualify makes the names of files those of a library. A file with a namespace NS defines
// the tasks, methods and primitives NS.NAME, and may leave "NS." out where it means one of
// its own namespace. Names of another namespace are for those who include a file of it, directly or by
// what that includes; names without one are for everybody. Types and facts have no
// namespace: they name what is known of the world, which no file owns.
func qualify(files []*opened, all []Source) Violations {
	q := &qualifier{owner: map[string]*opened{}, named: map[string]*opened{}, way: map[*opened]int{}}
	for _, s := range all {
		q.named[path.Clean(s.Name)] = nil
		q.names = append(q.names, s.Name)
	}
	for _, o := range files {
		q.named[path.Clean(o.source.Name)] = o
	}
	for _, o := range files {
		q.include(o)
	}
	for _, o := range files {
		q.circles(o, nil)
	}
	for _, o := range files {
		q.define(o)
	}
	for _, o := range files {
		q.refer(o)
	}
	return q.faults
}

type qualifier struct {
	names  []string           // of all files
	named  map[string]*opened // by their cleaned names; nil for one with faults of its own
	owner  map[string]*opened // of a name of the library
	way    map[*opened]int    // one more than how far down the way it was met; -1 once all below it was looked at
	faults Violations
}

func (q *qualifier) fault(o *opened, at []string, format string, args ...any) {
	q.faults = append(q.faults, o.doc.violation(at, false, format, args...))
}

// include finds what a file includes: beside it, or by its name in the library.
func (q *qualifier) include(o *opened) {
	for i, name := range o.file.Include {
		at := []string{"include", strconv.Itoa(i)}
		found, ok := q.named[Included(o.source.Name, name)]
		if !ok {
			found, ok = q.named[path.Clean(name)]
		}
		switch {
		case !ok:
			q.fault(o, at, "there is no file %q in the library, neither beside this one nor by that name%s", name, nearestName(name, q.names))
		case found == nil: // it has faults of its own
		case slices.Contains(o.included, found):
			q.fault(o, at, "%s is included twice", name)
		default:
			o.included, o.says = append(o.included, found), append(o.says, i)
		}
	}
}

// Included is the name of a file that another includes by a path from its own folder.
func Included(by, name string) string { return path.Join(path.Dir(by), name) }

// Includes are the paths of what a file includes, as it writes them; none of one that
// cannot be read, which Load says.
func (s Source) Includes() []string {
	d, err := parseDocument(s.Name, s.Data)
	if err != nil || len(d.validate(methodsCompiled())) > 0 {
		return nil
	}
	var f file
	if d.decode(&f) != nil {
		return nil
	}
	return f.Include
}

// circles finds includes that lead back to a file on the way to them.
func (q *qualifier) circles(o *opened, way []*opened) {
	if q.way[o] != 0 {
		return
	}
	way = append(way, o)
	q.way[o] = len(way)
	for i, next := range o.included {
		if from := q.way[next]; from > 0 {
			var names []string
			for _, x := range append(slices.Clip(way[from-1:]), next) {
				names = append(names, x.source.Name)
			}
			q.fault(o, []string{"include", strconv.Itoa(o.says[i])}, "it leads into a circle: %s", strings.Join(names, " -> "))
			continue
		}
		q.circles(next, way)
	}
	q.way[o] = -1
}

// define gives what a file defines its names in the library. One that stands twice is
// told where it is taken in.
func (q *qualifier) define(o *opened) {
	own := func(name *string) {
		*name = o.qualified(*name)
		if q.owner[*name] == nil {
			q.owner[*name] = o
		}
	}
	for _, t := range o.file.Tasks {
		own(&t.Name)
	}
	for _, p := range o.file.Primitives {
		p.bare = p.Name
		own(&p.Name)
	}
	for _, m := range o.file.Methods {
		m.Name = o.qualified(m.Name)
	}
}

func (o *opened) qualified(name string) string {
	if o.file.Namespace == "" {
		return name
	}
	return o.file.Namespace + "." + name
}

// refer puts the names of the library where a file means them.
func (q *qualifier) refer(o *opened) {
	for i, m := range o.file.Methods {
		at := []string{"methods", strconv.Itoa(i)}
		q.resolve(o, &m.Task, append(at, "task"))
		q.steps(o, m.Steps, append(at, "steps"))
	}
	for i, p := range o.file.Primitives {
		at := []string{"primitives", strconv.Itoa(i)}
		for j := range p.OnFail {
			q.resolve(o, &p.OnFail[j], append(slices.Clip(at), "on_fail", strconv.Itoa(j)))
		}
		for j := range p.Finally {
			q.resolve(o, &p.Finally[j], append(slices.Clip(at), "finally", strconv.Itoa(j)))
		}
	}
}

func (q *qualifier) steps(o *opened, steps []step, at []string) {
	for i := range steps {
		s, at := &steps[i], append(slices.Clip(at), strconv.Itoa(i))
		q.steps(o, s.Parallel, append(slices.Clip(at), "parallel"))
		if s.Do == "" {
			continue
		}
		q.resolve(o, &s.Do, append(slices.Clip(at), "do"))
		// A step is called by what it does, wherever that comes from.
		if by := q.owner[s.Do]; s.ID == "" && by != nil && by.file.Namespace != "" {
			s.ID = strings.TrimPrefix(s.Do, by.file.Namespace+".")
		}
	}
}

// resolve puts the name in the library in the place of one as a file writes it.
func (q *qualifier) resolve(o *opened, name *string, at []string) {
	if own := o.qualified(*name); own != *name && (q.owner[own] != nil || q.owner[*name] == nil && q.nearOwn(o, own)) {
		*name = own
		return
	}
	by := q.owner[*name]
	if by == nil || by.file.Namespace == "" || by.file.Namespace == o.file.Namespace || o.namespaces()[by.file.Namespace] {
		return // one that is nowhere is told with what is near it
	}
	q.fault(o, at, "%s is of the namespace %s, which is for those who include %s", *name, by.file.Namespace, by.source.Name)
}

// nearOwn reports whether a name is nearly one of the file's own namespace.
func (q *qualifier) nearOwn(o *opened, own string) bool {
	var names []string
	for name, by := range q.owner {
		if by.file.Namespace == o.file.Namespace {
			names = append(names, name)
		}
	}
	return nearestName(own, names) != ""
}

// namespaces are those of the files that one includes, directly or not.
func (o *opened) namespaces() map[string]bool {
	if o.seen != nil {
		return o.seen
	}
	o.seen = map[string]bool{}
	met := map[*opened]bool{}
	for open := slices.Clone(o.included); len(open) > 0; open = open[1:] {
		if x := open[0]; !met[x] {
			met[x] = true
			o.seen[x.file.Namespace] = true
			open = append(open, x.included...)
		}
	}
	return o.seen
}

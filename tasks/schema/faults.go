package schema

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Fault is one way in which a document does not fit.
type Fault struct {
	Path []string // keys and indices that lead there
	Text string   // "missing property 'name'"
	// Unknown is set where the last step of Path is a field that there is not;
	// Known are then those that there are, sorted.
	Unknown bool
	Known   []string
}

// String tells the fault after its place.
func (f Fault) String() string { return "/" + strings.Join(f.Path, "/") + ": " + f.Text }

// Faults lists all that is wrong with a value as JSON has it (maps, slices,
// strings, float64, bool, nil), in the order of the value, keys sorted. Below
// what is of the wrong type, or is not the value that it must be, nothing is looked
// at.
func (s *Schema) Faults(v any) []Fault {
	j := judge{say: message.NewPrinter(language.English)}
	j.value(s, v)
	return j.faults
}

// judge is one look at a document.
type judge struct {
	say    *message.Printer
	path   []string
	faults []Fault
}

func (j *judge) fault(format message.Reference, args ...any) {
	j.faults = append(j.faults, Fault{Path: slices.Clone(j.path), Text: j.say.Sprintf(format, args...)})
}

// at looks at what stands one step below.
func (j *judge) at(step string, s *Schema, v any) {
	j.path = append(j.path, step)
	j.value(s, v)
	j.path = j.path[:len(j.path)-1]
}

func (j *judge) value(s *Schema, v any) {
	if got := sortOf(v); len(s.types) > 0 && !slices.Contains(s.types, got) && !(slices.Contains(s.types, "integer") && whole(v)) {
		j.fault("got %s, want %s", got, strings.Join(s.types, " or "))
		return
	}
	if s.values != nil && !slices.Contains(s.values, comparand(v)) {
		var want []string
		for _, w := range s.values {
			want = append(want, display(w))
		}
		if s.is || len(want) == 1 {
			j.fault("value must be %s", want[0])
		} else {
			j.fault("value must be one of %s", strings.Join(want, ", "))
		}
		return
	}
	if s.ref != nil {
		j.value(s.ref, v)
	}
	switch v := v.(type) {
	case string:
		j.text(s, v)
	case float64:
		j.number(s, v)
	case []any:
		j.list(s, v)
	case map[string]any:
		j.object(s, v)
	}
}

func (j *judge) text(s *Schema, v string) {
	n := utf8.RuneCountInString(v)
	if s.minLength != nil && n < *s.minLength {
		j.fault("minLength: got %d, want %d", n, *s.minLength)
	}
	if s.maxLength != nil && n > *s.maxLength {
		j.fault("maxLength: got %d, want %d", n, *s.maxLength)
	}
	if s.pattern != nil && !s.pattern.MatchString(v) {
		j.fault("%s does not match pattern %s", quote(v), quote(s.pattern.String()))
	}
}

func (j *judge) number(s *Schema, v float64) {
	if s.minimum != nil && v < *s.minimum {
		j.fault("minimum: got %v, want %v", v, *s.minimum)
	}
	if s.maximum != nil && v > *s.maximum {
		j.fault("maximum: got %v, want %v", v, *s.maximum)
	}
}

func (j *judge) list(s *Schema, v []any) {
	if s.minItems != nil && len(v) < *s.minItems {
		j.fault("minItems: got %d, want %d", len(v), *s.minItems)
	}
	if s.maxItems != nil && len(v) > *s.maxItems {
		j.fault("maxItems: got %d, want %d", len(v), *s.maxItems)
	}
	if s.items == nil {
		return
	}
	for i, x := range v {
		j.at(strconv.Itoa(i), s.items, x)
	}
}

func (j *judge) object(s *Schema, v map[string]any) {
	var missing []string
	for _, name := range s.required {
		if _, ok := v[name]; !ok {
			missing = append(missing, quote(name))
		}
	}
	switch len(missing) {
	case 0:
	case 1:
		j.fault("missing property %s", missing[0])
	default:
		j.fault("missing properties %s", strings.Join(missing, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		p, named := s.properties[name]
		switch {
		case named:
			j.at(name, p, v[name])
		case s.closed:
			j.faults = append(j.faults, Fault{
				Path: append(slices.Clone(j.path), name), Text: fmt.Sprintf("unknown field %q", name),
				Unknown: true, Known: slices.Sorted(maps.Keys(s.properties)),
			})
		case s.others != nil:
			j.at(name, s.others, v[name])
		}
	}
}

// sortOf is the type of a value.
func sortOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return "number"
		}
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return fmt.Sprintf("%T, which JSON does not have", v)
}

func whole(v any) bool {
	f, ok := v.(float64)
	return ok && f == math.Trunc(f) && !math.IsInf(f, 0)
}

// comparand is what a value is compared by: no list and no object is any of
// those that a schema names.
func comparand(v any) any {
	switch v.(type) {
	case []any, map[string]any:
		return new(int)
	}
	return v
}

// quote puts a text between single quotes.
func quote(s string) string {
	s = strings.ReplaceAll(strconv.Quote(s), `\"`, `"`)
	return "'" + strings.ReplaceAll(s[1:len(s)-1], `'`, `\'`) + "'"
}

// display is a value that a schema names.
func display(v any) string {
	if s, ok := v.(string); ok {
		return quote(s)
	}
	return fmt.Sprint(v)
}

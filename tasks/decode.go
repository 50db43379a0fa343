package tasks

import (
	"fmt"
	"reflect"
	"strings"
)

// decode fills a Go value from the document's data, by its json tags. A schema has
// looked at the data before, so that what does not fit is a fault of the schema.
func (d *document) decode(into any) error {
	return decode(d.value, reflect.ValueOf(into).Elem())
}

func decode(v any, to reflect.Value) error {
	switch to.Kind() {
	case reflect.Interface:
		if v != nil {
			to.Set(reflect.ValueOf(v))
		}
		return nil
	case reflect.Pointer:
		if v == nil {
			return nil
		}
		to.Set(reflect.New(to.Type().Elem()))
		return decode(v, to.Elem())
	}
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		if to.Kind() == reflect.String {
			to.SetString(v)
			return nil
		}
	case bool:
		if to.Kind() == reflect.Bool {
			to.SetBool(v)
			return nil
		}
	case float64:
		switch {
		case to.CanInt() && float64(int64(v)) == v:
			to.SetInt(int64(v))
			return nil
		case to.CanFloat():
			to.SetFloat(v)
			return nil
		}
	case []any:
		if to.Kind() == reflect.Slice {
			to.Set(reflect.MakeSlice(to.Type(), len(v), len(v)))
			for i, x := range v {
				if err := decode(x, to.Index(i)); err != nil {
					return err
				}
			}
			return nil
		}
	case map[string]any:
		return decodeMap(v, to)
	}
	return fmt.Errorf("%T does not fit into %s", v, to.Type())
}

func decodeMap(v map[string]any, to reflect.Value) error {
	switch to.Kind() {
	case reflect.Struct:
		for f, field := range to.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if x, ok := v[name]; ok && name != "" {
				if err := decode(x, field); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
		}
		return nil
	case reflect.Map:
		to.Set(reflect.MakeMapWithSize(to.Type(), len(v)))
		for _, name := range keys(v) {
			x := reflect.New(to.Type().Elem()).Elem()
			if err := decode(v[name], x); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			to.SetMapIndex(reflect.ValueOf(name), x)
		}
		return nil
	}
	return fmt.Errorf("a map does not fit into %s", to.Type())
}

package envconf

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// get looks up key, and parses its value. Without a value the result is def.
func get[T any](v Values, key string, def T, parse func(string) (T, error)) (T, error) {
	text, ok := v[key]
	if !ok || text == "" {
		return def, nil
	}
	out, err := parse(text)
	if err == nil {
		return def, fmt.Errorf("envconf: %s: %w", key, err)
	}
	return out, nil
}

// String is the value of key, or def.
func (v Values) String(key, def string) string {
	if s, ok := v[key]; ok {
		return s
	}
	return def
}

// Int is the value of key as an integer, or def.
func (v Values) Int(key string, def int) (int, error) {
	return get(v, key, def, strconv.Atoi)
}

// Bool is the value of key as a truth value, or def.
func (v Values) Bool(key string, def bool) (bool, error) {
	return get(v, key, def, strconv.ParseBool)
}

// Duration is the value of key as a duration, or def.
func (v Values) Duration(key string, def time.Duration) (time.Duration, error) {
	return get(v, key, def, time.ParseDuration)
}

// List cuts the value of key at its commas. Without a value there is no item.
func (v Values) List(key string) []string {
	var out []string
	for item := range strings.SplitSeq(v[key], ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

package rule_test

import (
	"testing"

	"jitos.dev/rewrite/rule"
)

func load(t testing.TB, doc string) *rule.Set {
	t.Helper()
	s, err := rule.Load("rules.yaml", []byte(doc), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

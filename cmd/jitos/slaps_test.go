package main

import (
	"regexp"
	"strings"
	"testing"
)

// What a draft has as comments is right once it is none. What it lacks is the values
// that its parameters need.
func TestDraftsAreRight(t *testing.T) {
	lib, err := library()
	if err != nil {
		t.Fatal(err)
	}
	optional := regexp.MustCompile(`(?m)^( *)# ((?:[a-z_]+:| {2,}-) ?.*)$`)
	empty := regexp.MustCompile(`(?m)^(  [a-z_]+: )""`)
	for _, task := range lib.Tasks() {
		s, err := lib.Draft(task.Name, "./pkg")
		if err != nil {
			t.Fatal(err)
		}
		text := empty.ReplaceAllString(draftText(s, task), `${1}"some"`)
		whole := optional.ReplaceAllString(text, "$1$2")
		for _, x := range []string{text, whole} {
			if _, err := lib.Check("draft.yaml", []byte(x)); err != nil {
				t.Errorf("%s: %v\n%s", task.Name, err, x)
			}
		}
		got, err := lib.Check("draft.yaml", []byte(whole))
		if err == nil && (len(got.Success) != 5 || got.Target.Type == "" || got.Budget.Tries == 0 || got.Context.TicketID == "" || len(got.Scope.Include) == 0 || strings.Count(whole, "# ") > 13) {
			t.Errorf("not all of it was seen: %+v\n%s", got, whole)
		}
	}
}

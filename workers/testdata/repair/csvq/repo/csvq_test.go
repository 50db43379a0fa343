package csvq

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	tests := []struct {
		name, line string
		want       []string
	}{
		{"plain", `a,b,c`, []string{"a", "b", "c"}},
		{"empty fields", `,x,`, []string{"", "x", ""}},
		{"quoted comma", `"a,b",c`, []string{"a,b", "c"}},
		{"doubled quote", `"say ""hi"" now",x`, []string{`say "hi" now`, "x"}},
		{"quoted at the end", `x,"a,b"`, []string{"x", "a,b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := split(tt.line)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSplitOpenQuote(t *testing.T) {
	if _, err := split(`a,"b`); !errors.Is(err, ErrQuote) {
		t.Errorf("err = %v", err)
	}
}

const stock = "part,bin,count\nbolt,A,40\nnut,B,\nscrew,A,2\n"

func TestQuery(t *testing.T) {
	table, err := Read(stock)
	if err != nil {
		t.Fatal(err)
	}
	a, err := table.Where("bin", "A")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := a.Sum("count"); got != 42 || err != nil {
		t.Errorf("sum = %d, %v", got, err)
	}
	if _, err := table.Sum("part"); err == nil {
		t.Error("summed words")
	}
	if _, err := table.Where("colour", "red"); err == nil {
		t.Error("found a column that is not there")
	}
}

func TestReadRaggedRow(t *testing.T) {
	_, err := Read("a,b\n1,2\n3\n")
	if err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("err = %v", err)
	}
}

func TestString(t *testing.T) {
	table, err := Read(stock)
	if err != nil {
		t.Fatal(err)
	}
	if got := table.String(); got != stock {
		t.Errorf("got\n%s", got)
	}
}

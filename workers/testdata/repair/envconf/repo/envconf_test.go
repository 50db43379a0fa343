package envconf

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name, text string
		want       Values
	}{
		{"empty", "", Values{}},
		{"comments", "# one\n\n  # two\n", Values{}},
		{"spaces", " A = 1 \nB=\n", Values{"A": "1", "B": ""}},
		{"quotes", "A=\" x \"\nB=\"\nC=\"\"", Values{"A": " x ", "B": "\"", "C": ""}},
		{"last counts", "A=1\nA=2", Values{"A": "2"}},
		{"equals in value", "A=b=c", Values{"A": "b=c"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(strings.NewReader(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestParseBad(t *testing.T) {
	_, err := Parse(strings.NewReader("A=1\nB\n"))
	if err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("err = %v", err)
	}
}

func TestList(t *testing.T) {
	v := Values{"L": "a, b,,c ,"}
	if got, want := v.List("L"), []string{"a", "b", "c"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := v.List("M"); got != nil {
		t.Errorf("got %q", got)
	}
}

func TestLoadDefaults(t *testing.T) {
	got, err := Load(strings.NewReader("WORKERS=\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := (&Server{Addr: ":8080", Workers: 4, Timeout: 30 * time.Second}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestLoad(t *testing.T) {
	got, err := Load(strings.NewReader("ADDR=localhost:9\nWORKERS=12\nTIMEOUT=1m\nDEBUG=true\nORIGINS=a,b\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := &Server{Addr: "localhost:9", Workers: 12, Timeout: time.Minute, Debug: true, Origins: []string{"a", "b"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestLoadBad(t *testing.T) {
	if got, err := Load(strings.NewReader("WORKERS=many\n")); err == nil {
		t.Errorf("got %+v", got)
	}
}

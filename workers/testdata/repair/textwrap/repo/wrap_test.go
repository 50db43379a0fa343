package textwrap

import "testing"

func TestWrap(t *testing.T) {
	tests := []struct {
		name  string
		text  string
		width int
		want  string
	}{
		{"empty", "", 10, ""},
		{"blank", " \n \n", 10, ""},
		{"fits", "one two", 10, "one two"},
		{"two lines", "the quick brown fox", 14, "the quick\nbrown fox"},
		{"joins lines", "one\ntwo\nthree", 9, "one two\nthree"},
		{"long word", "a incomprehensible b", 5, "a\nincomprehensible\nb"},
		{"paragraphs", "one two\n\n\nthree", 3, "one\ntwo\n\nthree"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Wrap(tt.text, tt.width); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWrapCountsCharacters(t *testing.T) {
	if got, want := Wrap("größer über alles", 11), "größer über\nalles"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestIndent(t *testing.T) {
	if got, want := Indent("a\n\nb", "> "), "> a\n\n> b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestShorten(t *testing.T) {
	tests := []struct {
		text  string
		width int
		want  string
	}{
		{"short", 5, "short"},
		{"shorter", 5, "shor…"},
		{"to be or not", 7, "to be…"},
		{"äöü", 2, "ä…"},
		{"gone", 0, ""},
	}
	for _, tt := range tests {
		if got := Shorten(tt.text, tt.width); got != tt.want {
			t.Errorf("Shorten(%q, %d) = %q, want %q", tt.text, tt.width, got, tt.want)
		}
	}
}

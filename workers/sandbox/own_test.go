//go:build linux

package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A folder is seen where its files are at home, what stands there is not, and what
// is written comes into the folder.
func TestOwnPath(t *testing.T) {
	home, folder, scratch := filepath.Join(t.TempDir(), "home"), filepath.Join(t.TempDir(), "tree"), t.TempDir()
	for name, text := range map[string]string{home + "/mine": "secret\n", folder + "/sub/file": "there\n"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := Command{
		Argv: []string{"/bin/sh", "-c", "pwd; echo $WHERE; cat file; ls ..; echo new > made"}, Dir: folder + "/sub", Write: []string{folder, scratch},
		Env: []string{"PATH=/usr/bin:/bin", "WHERE=" + folder + "/sub", "OTHER=" + folder + "-not"}, Timeout: time.Minute, Own: home,
	}
	out, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(out.InForce.Parts, "mountns") {
		if !strings.HasPrefix(string(out.Stdout), folder+"/sub\n") {
			t.Errorf("without a mount namespace it sees\n%s", out.Stdout)
		}
		return
	}
	if want := home + "/sub\n" + home + "/sub\nthere\nsub\n"; string(out.Stdout) != want || !slices.Contains(out.InForce.Parts, ownPath) {
		t.Errorf("it sees\n%s%s%v", out.Stdout, out.Stderr, out.InForce)
	}
	if data, _ := os.ReadFile(folder + "/sub/made"); string(data) != "new\n" {
		t.Error("what was written is not in the folder")
	}
	if list, _ := os.ReadDir(home); len(list) != 1 {
		t.Errorf("something came to the place itself: %v", list)
	}

	// Where it cannot be, nothing is turned, and no right is given there.
	for name, own := range map[string]string{"nowhere": home + "/none", "over what is needed": filepath.Dir(scratch)} {
		c.Own = own
		c.Argv = []string{"/bin/sh", "-c", "pwd; cat " + home + "/mine"}
		out, err := Run(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if string(out.Stdout) != folder+"/sub\n" || slices.Contains(out.InForce.Parts, ownPath) || !strings.Contains(strings.Join(out.InForce.Lacks, " "), ownPath) {
			t.Errorf("%s: it sees\n%s%v", name, out.Stdout, out.InForce)
		}
	}
}

package viewer_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"jitos.dev/viewer"
)

// maxBundle is how large all of the pages may be, compressed, in bytes.
const maxBundle = 120_000

// The bundle is of the sources that stand beside it: vite.config.ts stamps it
// with their sum.
func TestBundleIsOfItsSources(t *testing.T) {
	names := []string{"gallery.html", "index.html", "package-lock.json", "vite.config.ts"}
	err := filepath.WalkDir("web/src", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, filepath.ToSlash(strings.TrimPrefix(name, "web/")))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	sum := sha256.New()
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join("web", name))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(sum, "%s %x\n", name, sha256.Sum256(data))
	}
	stamp, err := fs.ReadFile(viewer.Assets(), "source.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.TrimSpace(string(stamp)), fmt.Sprintf("%x", sum.Sum(nil)); got != want {
		t.Errorf("the bundle is of sources %s, those there are %s: make viewer", got, want)
	}
}

// The pages have no script, style or handler in them: the policy they are served
// under allows none. All together they are small.
func TestBundleIsSmallAndStrict(t *testing.T) {
	inline := regexp.MustCompile(`(?is)<script[^>]*>[^<]|<style|\son\w+\s*=|\sstyle\s*=|javascript:`)
	total, pages := 0, 0
	err := fs.WalkDir(viewer.Assets(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(viewer.Assets(), name)
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, ".html") {
			pages++
			if found := inline.Find(data); found != nil {
				t.Errorf("%s has %q in it", name, found)
			}
		}
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write(data); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		total += b.Len()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if total > maxBundle || total < 10_000 || pages != 2 {
		t.Errorf("%d bytes compressed in %d pages, at most %d in 2", total, pages, maxBundle)
	}
}

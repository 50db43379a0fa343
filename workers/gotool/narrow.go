package gotool

import (
	"os"
	"path/filepath"
	"strings"
)

// Narrowed says, of the environment that a go command gave a test binary, where
// that may write, and what environment it gets in place of it. The code under test
// has no business where the go command keeps what it builds the next binary from;
// a go command that a test starts in its turn builds for itself.
func Narrowed(env []string) (write, narrowed []string) {
	at := map[string]string{}
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		at[name] = value
	}
	tmp := at["TMPDIR"]
	write = []string{at["HOME"], tmp, at["GOPATH"], folderOf(at)}
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		switch name {
		case "GOTMPDIR":
			continue // TMPDIR does
		case "GOCACHE":
			kv = name + "=" + filepath.Join(tmp, "gocache-own")
		case "GOCACHEPROG":
			if f := strings.Fields(value); len(f) == 4 {
				f[3] = filepath.Join(tmp, "gocache")
				kv = name + "=" + strings.Join(f, " ")
			}
		}
		narrowed = append(narrowed, kv)
	}
	return write, narrowed
}

// folderOf is the folder of the repository: it stands in the environment, since a
// test is run in the folder of its package.
func folderOf(env map[string]string) string {
	if f := env[folderEnv]; filepath.IsAbs(f) {
		return f
	}
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	return dir
}

// folderEnv tells commands where their repository begins.
const folderEnv = "JITOS_FOLDER"

// Package viewer holds the web page that the daemon serves at /: its source,
// which is also what is embedded, since nothing is built.
package viewer

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Assets returns the page's files: index.html and those that it names.
func Assets() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is a constant that embed has checked
	}
	return files
}

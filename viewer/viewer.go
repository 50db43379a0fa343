// Package viewer holds the web pages that the daemon serves, as they were built
// from the sources in web. The built files are committed: nothing but Go is
// needed to build the daemon.
package viewer

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Assets returns the pages' files: index.html, gallery.html, and those that they
// name.
func Assets() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is a constant that embed has checked
	}
	return files
}

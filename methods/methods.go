// Package methods holds the method library that JITOS ships, as YAML.
package methods

import "embed"

// Files are the shipped libraries, *.yaml.
//
//go:embed *.yaml
var Files embed.FS

// Command release makes the archives of a release: for each target one, with the
// programs, their licence and what is shipped beside them, and the checksums of
// all. The same sources make the same bytes, wherever they stand.
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// sums is the file with the checksums, as `sha256sum -c` reads it.
const sums = "SHA256SUMS"

func main() {
	version := flag.String("version", "", "of the release: 0.2.0")
	targets := flag.String("targets", "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64", "os/arch, by commas")
	out := flag.String("out", "dist", "folder for the archives")
	check := flag.Bool("check", true, "build the first target once more, from a copy of the sources, and compare")
	flag.Parse()
	if err := run(*version, strings.Split(*targets, ","), *out, *check); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// versions are what a release may be called.
var versions = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)

// run makes the archives from the sources in the current folder.
func run(version string, targets []string, out string, check bool) error {
	if !versions.MatchString(version) {
		return fmt.Errorf("the version is %q; say -version 0.2.0", version)
	}
	src, err := os.Getwd()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	var lines []string
	for i, t := range targets {
		goos, arch, ok := strings.Cut(t, "/")
		if !ok {
			return fmt.Errorf("the target %q is not of the form os/arch", t)
		}
		r := release{src: src, version: version, goos: goos, arch: arch}
		data, err := r.archive()
		if err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
		if check && i == 0 {
			if err := r.again(data); err != nil {
				return fmt.Errorf("%s: %w", t, err)
			}
			fmt.Println("the same bytes from another folder:", r.name()+".tar.gz")
		}
		if err := os.WriteFile(filepath.Join(out, r.name()+".tar.gz"), data, 0o644); err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("%x  %s.tar.gz\n", sha256.Sum256(data), r.name()))
		fmt.Print(lines[len(lines)-1])
	}
	slices.Sort(lines)
	return os.WriteFile(filepath.Join(out, sums), []byte(strings.Join(lines, "")), 0o644)
}

// again makes the archive from a copy of the sources, and compares.
func (r release) again(first []byte) error {
	dir, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := copySources(r.src, dir); err != nil {
		return err
	}
	r.src = dir
	second, err := r.archive()
	if err == nil && !bytes.Equal(first, second) {
		err = errors.New("built from another folder it is other bytes")
	}
	return err
}

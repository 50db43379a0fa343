package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"time"
)

// programs are what is built, below cmd.
var programs = [...]string{"jitos", "jitosd"}

// beside are the files that are shipped as they are.
var beside = [...]string{"LICENSE", "README.md", "packaging/systemd/jitosd.service", "packaging/systemd/jitosd.socket"}

// release is one archive.
type release struct {
	src, version, goos, arch string
}

// name is the archive's, and of the folder in it.
func (r release) name() string { return fmt.Sprintf("jitos-%s-%s-%s", r.version, r.goos, r.arch) }

// member is a file of an archive.
type member struct {
	name string
	mode int64
	data []byte
}

// archive builds the programs and packs them.
func (r release) archive() ([]byte, error) {
	var list []member
	for _, p := range programs {
		data, err := r.build(p)
		if err != nil {
			return nil, err
		}
		list = append(list, member{p, 0o755, data})
	}
	for _, name := range beside {
		data, err := os.ReadFile(filepath.Join(r.src, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		list = append(list, member{name, 0o644, data})
	}
	return pack(r.name(), list)
}

// build builds a program without cgo, and without anything in it that says where,
// when or from which state of a repository.
func (r release) build(program string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "release")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, program)
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid= -X main.version="+r.version, "-o", out, "./cmd/"+program)
	cmd.Dir = r.src
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+r.goos, "GOARCH="+r.arch, "GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %s: %w\n%s", program, err, said)
	}
	return os.ReadFile(out)
}

// pack makes an archive whose bytes depend on the members alone.
func pack(folder string, list []member) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	t := tar.NewWriter(z)
	for _, m := range list {
		h := &tar.Header{
			Typeflag: tar.TypeReg, Name: path.Join(folder, m.name), Mode: m.mode, Size: int64(len(m.data)),
			ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
		}
		if err := t.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := t.Write(m.data); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(t.Close(), z.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// copySources copies what programs are built from. Repositories, builds and what
// other languages install are left out.
func copySources(from, to string) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || rel == "bin" || rel == "dist"):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o644)
	})
}

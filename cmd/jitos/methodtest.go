package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"jitos.dev/net/wire"
	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

func (a *app) methodTest() *cobra.Command {
	var own []string
	var got bool
	cmd := &cobra.Command{
		Use: "test FILE ...", Short: "Run golden tests of methods: what is known and asked for, and the plan that has to come of it", Args: cobra.MinimumNArgs(1),
		Example: "  jitos method test tests.yaml\n  jitos method test tests.yaml --methods my.yaml\n  jitos method test tests.yaml --got",
		RunE: func(_ *cobra.Command, args []string) error {
			lib, err := a.libraryWith(own)
			if err != nil {
				return err
			}
			all := []tasks.MethodTest{}
			for _, name := range args {
				data, err := readInput(a.in, name)
				if err != nil {
					return err
				}
				list, err := lib.Test(tasks.Source{Name: name, Data: data})
				if err != nil {
					return err
				}
				all = append(all, list...)
			}
			if err := a.show(all, func(w io.Writer) { tellTests(w, all, got) }); err != nil {
				return err
			}
			failed := 0
			for _, t := range all {
				failed += min(1, len(t.Faults))
			}
			if failed > 0 {
				return wire.NewProblem(rmg.GateFailed, "%d of %d tests failed", failed, len(all)).WithHint("jitos method test --got writes what came as a test would say it")
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&own, "methods", nil, "a method file to test; may be given more than once (without one, the shipped methods)")
	cmd.Flags().BoolVar(&got, "got", false, "write what came of each test, as a test would have to say it")
	return cmd
}

// tellTests writes how tests ended.
func tellTests(w io.Writer, all []tasks.MethodTest, got bool) {
	for _, t := range all {
		how := "ok  "
		if len(t.Faults) > 0 {
			how = "FAIL"
		}
		fmt.Fprintf(w, "%s %s:%d: %s\n", how, t.File, t.Line, t.Name)
		for _, f := range t.Faults {
			fmt.Fprintf(w, "  %s\n", tasks.Violations{f}.Error())
		}
		if got {
			fmt.Fprintf(w, "    %s\n", strings.ReplaceAll(strings.TrimRight(t.Got, "\n"), "\n", "\n    "))
		}
	}
}

// libraryWith is the shipped library, or that of files: alone, or with the
// shipped one where they lean on it.
func (a *app) libraryWith(files []string) (*tasks.Library, error) {
	if len(files) == 0 {
		return library()
	}
	own, err := a.methodSources(files)
	if err != nil {
		return nil, err
	}
	return loadMethods(own)
}

// maxIncluded is how many files the named ones may include.
const maxIncluded = 1000

// methodSources reads method files, and those that they include and that lie beside them,
// in the folder of a named one or below. What is included and is no such file may be a shipped one.
func (a *app) methodSources(files []string) ([]tasks.Source, error) {
	var own []tasks.Source
	known := map[string]bool{}
	for _, name := range files {
		data, err := readInput(a.in, name)
		if err != nil {
			return nil, err
		}
		known[filepath.Clean(name)] = true
		own = append(own, tasks.Source{Name: name, Data: data})
	}
	for i, named := 0, len(own); i < len(own); i++ {
		if own[i].Name == "-" {
			continue
		}
		for _, inc := range own[i].Includes() {
			name := tasks.Included(own[i].Name, inc)
			within := slices.ContainsFunc(own[:named], func(s tasks.Source) bool {
				rel, err := filepath.Rel(filepath.Dir(s.Name), name)
				return err == nil && filepath.IsLocal(rel)
			})
			if known[name] || !within {
				continue
			}
			data, err := os.ReadFile(name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if len(own) == named+maxIncluded {
				return nil, wire.NewProblem(rmg.Limit, "%s and what it includes are more than %d files", files[0], maxIncluded)
			}
			known[name] = true
			own = append(own, tasks.Source{Name: name, Data: data})
		}
	}
	return own, nil
}

// loadMethods loads files alone and, where they lean on the shipped library, with
// it. Their faults are told as they stand alone, unless all of these are gone with
// the shipped library beside them.
func loadMethods(own []tasks.Source) (*tasks.Library, error) {
	lib, alone := tasks.Load(own...)
	if alone == nil {
		return lib, nil
	}
	shipped, err := shippedSources()
	if err != nil {
		return nil, err
	}
	if lib, err := tasks.Load(append(shipped, own...)...); err == nil {
		return lib, nil
	}
	return nil, alone
}

package main

import (
	"fmt"
	"io"
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

func (a *app) methodSources(files []string) ([]tasks.Source, error) {
	var own []tasks.Source
	for _, name := range files {
		data, err := readInput(a.in, name)
		if err != nil {
			return nil, err
		}
		own = append(own, tasks.Source{Name: name, Data: data})
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

package repair

import (
	"fmt"
	"os"
	"testing"

	"jitos.dev/workers/gocache"
	"jitos.dev/workers/gotool"
	"jitos.dev/workers/sandbox"
	"jitos.dev/workers/workertest"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	if len(os.Args) == 4 && os.Args[1] == "gocacheprog" {
		if gocache.Serve(os.Stdin, os.Stdout, os.Args[2], os.Args[3]) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) > 2 && os.Args[1] == "testexec" {
		write, env := gotool.Narrowed(os.Environ())
		fmt.Fprintln(os.Stderr, sandbox.Narrow(write, os.Args[2:], env))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestRepairConforms(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tool, err := gotool.Detect(t.Context(), self)
	if err != nil {
		t.Fatal(err)
	}
	workertest.Run(t, workertest.Suite{
		Worker: New(tool, 2),
		Files: map[string]string{
			"go.mod": "module example.com/m\n\ngo 1.24\n",
			"m.go":   "package m\n\n// Max is the larger one.\nfunc Max(a, b int) int {\n\tif a < b {\n\t\treturn a\n\t}\n\treturn b\n}\n",
			"m_test.go": "package m\n\nimport \"testing\"\n\nfunc TestMax(t *testing.T) {\n\tif Max(1, 2) != 2 || Max(2, 1) != 2 {\n\t\tt.Error()\n\t}\n}\n" +
				"\nfunc TestSame(t *testing.T) {\n\tif Max(3, 3) != 3 {\n\t\tt.Error()\n\t}\n}\n",
		},
		Before: []workertest.Step{{Task: "reproduce", Action: "reproduce"}, {Task: "localise", Action: "localise"}},
		Action: "implement",
	})
}

// Command bench measures JITOS beside its peers, one row each, in one run:
//
//	go run . [-only REGEXP] [-json] [-cpuprofile FILE]
//	go run . -fill FOLDER [-records N]
//
// Figures are medians. A row that cannot run says why and does not hold; a peer
// that is ahead is shown ahead.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime/pprof"
	"slices"
	"strings"
	"text/tabwriter"

	"jitos.dev/workers/sandbox"
	"jitos.dev/worktree"
)

// row is one measurement.
type row struct {
	Name    string             `json:"name"`
	Value   float64            `json:"value"`
	Unit    string             `json:"unit"`
	Peers   map[string]float64 `json:"peers,omitempty"`
	Must    string             `json:"must,omitempty"`
	Holds   bool               `json:"holds"`
	N       int                `json:"n"`
	Skipped string             `json:"skipped,omitempty"`
}

// measure is a named measurement; it fills in all but the name.
type measure struct {
	name string
	run  func() (row, error)
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == loadArgument {
		generateLoad()
		return
	}
	sandbox.Main()
	if self, err := os.Executable(); err == nil && !worktree.Private() {
		err = worktree.Enter(append([]string{self}, os.Args[1:]...))
		fmt.Fprintln(os.Stderr, "bench: no mounts of its own:", err) // rows that need them say so
	}
	only := flag.String("only", "", "run the rows whose name matches this regular expression")
	asJSON := flag.Bool("json", false, "one JSON object a line")
	profile := flag.String("cpuprofile", "", "write where the processor time went to this file")
	fill := flag.String("fill", "", "measure nothing: make a data folder with a long log here")
	records := flag.Int("records", 1_000_000, "how many records that log has")
	flag.Parse()
	if *fill != "" {
		if err := fillFolder(*fill, *records); err != nil {
			fmt.Fprintln(os.Stderr, "bench: -fill:", err)
			os.Exit(1)
		}
		return
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: -only:", err)
		os.Exit(2)
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench: -cpuprofile:", err)
			os.Exit(2)
		}
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	if !*asJSON {
		fmt.Fprintln(out, "ROW\tVALUE\tPEERS\tMUST\tHOLDS")
	}
	failed := false
	trees, clearTrees := worktreeRows()
	for _, m := range slices.Concat(graphRows(), logRows(), kernelRows(), trees, rulesRows(), netRows(), sandboxRows(), demoRows()) {
		if !match.MatchString(m.name) {
			continue
		}
		r, err := m.run()
		r.Name = m.name
		if err != nil {
			r.Skipped, r.Holds = err.Error(), false
		}
		failed = failed || !r.Holds
		if *asJSON {
			line, err := json.Marshal(r)
			if err != nil {
				fmt.Fprintln(os.Stderr, "bench:", err)
				os.Exit(1)
			}
			fmt.Println(string(line))
			continue
		}
		fmt.Fprintf(out, "%s\t%.4g %s\t%s\t%s\t%v%s\n", r.Name, r.Value, r.Unit, peersOf(r), r.Must, r.Holds, skipOf(r))
		out.Flush()
	}
	if err := clearTrees(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	pprof.StopCPUProfile()
	if failed {
		os.Exit(1)
	}
}

func peersOf(r row) string {
	var names []string
	for n := range r.Peers {
		names = append(names, n)
	}
	slices.Sort(names)
	for i, n := range names {
		names[i] = fmt.Sprintf("%s %.4g", n, r.Peers[n])
	}
	return strings.Join(names, ", ")
}

func skipOf(r row) string {
	if r.Skipped == "" {
		return ""
	}
	return " (" + r.Skipped + ")"
}

// rounds is of how many runs a figure is the median.
const rounds = 5

// median runs each function rounds times, in turn, so that noise meets all of
// them, and returns the median of each.
func median(fns ...func() (float64, error)) ([]float64, error) {
	all := make([][]float64, len(fns))
	for range rounds {
		for i, fn := range fns {
			x, err := fn()
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], x)
		}
	}
	out := make([]float64, len(fns))
	for i, xs := range all {
		out[i] = middle(xs)
	}
	return out, nil
}

func middle(xs []float64) float64 {
	slices.Sort(xs)
	return xs[len(xs)/2]
}

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	"jitos.dev/workers/sandbox"
)

// sandboxRows start a command in the sandbox; the peer is starting it without.
func sandboxRows() []measure {
	return []measure{{"workers/sandbox/true", func() (row, error) {
		xs, err := median(func() (float64, error) {
			began := time.Now()
			_, err := sandbox.Run(context.Background(), sandbox.Command{Argv: []string{"/bin/true"}, Dir: "/", Timeout: time.Minute})
			return float64(time.Since(began).Microseconds()) / 1000, err
		}, func() (float64, error) {
			began := time.Now()
			err := exec.Command("/bin/true").Run()
			return float64(time.Since(began).Microseconds()) / 1000, err
		})
		if err != nil {
			return row{}, err
		}
		return row{Value: xs[0], Unit: "ms", Peers: map[string]float64{"exec": xs[1]}, Must: "<= 50 ms", Holds: xs[0] <= 50, N: rounds}, nil
	}}}
}

// demoRows run the demo of a built program, and read what it says of itself.
func demoRows() []measure {
	return []measure{
		{"cmd/demo/whole", func() (row, error) {
			whole, _, err := demo()
			return row{Value: whole, Unit: "s", Must: "< 60 s", Holds: err == nil && whole < 60, N: demoRounds}, err
		}},
		{"cmd/demo/own", func() (row, error) {
			_, own, err := demo()
			return row{Value: own, Unit: "s", Must: "< 2 s", Holds: err == nil && own < 2, N: demoRounds}, err
		}},
	}
}

const demoRounds = 3

var ownShare = regexp.MustCompile(`landed in (\S+), of which (\S+) is JITOS itself`)

// demo returns the medians of the whole and of the own share, in seconds.
func demo() (whole, own float64, err error) {
	dir, err := os.MkdirTemp("", "bench-demo-")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "jitos")
	build := exec.Command("go", "build", "-o", bin, "./cmd/jitos")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return 0, 0, fmt.Errorf("%w: %s", err, out)
	}
	var wholes, owns []float64
	for range demoRounds {
		out, err := exec.Command(bin, "demo").CombinedOutput()
		if err != nil {
			return 0, 0, fmt.Errorf("%w: %s", err, out)
		}
		m := ownShare.FindSubmatch(out)
		if m == nil {
			return 0, 0, fmt.Errorf("the demo does not say how long it took")
		}
		a, err := time.ParseDuration(string(m[1]))
		if err != nil {
			return 0, 0, err
		}
		b, err := time.ParseDuration(string(m[2]))
		if err != nil {
			return 0, 0, err
		}
		wholes, owns = append(wholes, a.Seconds()), append(owns, b.Seconds())
	}
	return middle(wholes), middle(owns), nil
}

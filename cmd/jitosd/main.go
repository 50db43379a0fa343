// Command jitosd is the daemon under its own name: `jitos daemon`, with the
// same flags.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

func main() {
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "jitosd:", err)
		os.Exit(1)
	}
	prog := filepath.Join(filepath.Dir(self), "jitos")
	if _, err := os.Stat(prog); err != nil {
		if prog, err = exec.LookPath("jitos"); err != nil {
			fmt.Fprintln(os.Stderr, "jitosd: the jitos program is neither beside jitosd nor on PATH")
			os.Exit(1)
		}
	}
	args := append([]string{"jitos", "daemon"}, os.Args[1:]...)
	fmt.Fprintln(os.Stderr, "jitosd:", syscall.Exec(prog, args, os.Environ()))
	os.Exit(1)
}

package main

import (
	"errors"
	"fmt"
	"os"
)

// filledNodes is how many elements the log of [fillFolder] is about.
const filledNodes = 1000

// fillFolder makes a data folder whose log has n records of one op each over
// [filledNodes] elements, for what measures a daemon from outside (the viewer's
// scrubbing): through the calls it would take ten times as long. The folder must
// be empty, or not there yet.
func fillFolder(dir string, n int) error {
	if left, err := os.ReadDir(dir); err == nil && len(left) > 0 {
		return fmt.Errorf("%s is not empty; name a folder that is, or is not there yet", dir)
	}
	d, err := openDaemon(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.fill(filledNodes), d.count(n, filledNodes, 256), d.close())
}

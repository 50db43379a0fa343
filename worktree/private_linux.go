package worktree

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// outsideVar holds, in a process that Enter started, the mount namespace that
// it was started from.
const outsideVar = "JITOS_MOUNTS_OUTSIDE"

const ownMounts = "/proc/self/ns/mnt"

// Private says whether this process stands in a mount namespace that Enter made
// for it: what it mounts is seen by it and its children alone, and is gone with
// them, however they end.
func Private() bool {
	outside := os.Getenv(outsideVar)
	here, err := os.Readlink(ownMounts)
	return outside != "" && err == nil && here != outside
}

// Enter becomes argv, under the same process id, in a mount namespace of its
// own, and does not return. What is mounted outside later is seen inside, but
// not the other way. The error says why it could not be: then this process is
// as it was.
//
// A process of more than one thread cannot change its user namespace, and ours
// always has several: the program unshare does it. An ordinary user needs a user
// namespace for it, in which they are who they were and may mount; root does
// not, and keeps the right to everybody's files.
func Enter(argv []string) error {
	if len(argv) == 0 {
		return errors.New("no command")
	}
	if Private() {
		return errors.New("it stands in one already")
	}
	outside, err := os.Readlink(ownMounts)
	if err != nil {
		return err
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return errors.New("there is no program unshare (util-linux)")
	}
	var flags []string
	for _, flags = range waysIn() {
		if err = tryUnshare(unshare, flags); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	args := append(append([]string{"unshare"}, flags...), append([]string{"--"}, argv...)...)
	return syscall.Exec(unshare, args, append(os.Environ(), outsideVar+"="+outside))
}

// waysIn are the flags to try, in order.
func waysIn() [][]string {
	own := []string{"--mount", "--propagation", "slave"}
	asUser := append([]string{"--user", "--map-current-user", "--keep-caps"}, own...)
	if os.Geteuid() == 0 {
		return [][]string{own, asUser}
	}
	return [][]string{asUser}
}

func tryUnshare(unshare string, flags []string) error {
	out, err := exec.Command(unshare, append(flags, "--", "true")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

package sandbox

import (
	"fmt"
	"os"
	"syscall"

	"github.com/landlock-lsm/go-landlock/landlock"
)

// Narrow takes away from this process, inside a sandbox, what it may write beside
// some folders, and becomes a command, which then can neither write elsewhere nor
// signal or trace what runs beside it; it never gets more than it has. It returns
// only with an error. Folders that are not there are left out. On a kernel without
// Landlock nothing is taken away: what the sandbox has in force says so.
func Narrow(write []string, argv, env []string) error {
	if len(argv) == 0 {
		return fmt.Errorf("no command")
	}
	rules := []landlock.Rule{landlock.RODirs("/"), landlock.RWFiles(systemDevices...).IgnoreIfMissing()}
	for _, p := range write {
		if st, err := os.Stat(p); err == nil && st.IsDir() {
			rules = append(rules, landlock.RWDirs(p).WithRefer().WithResolveUnix())
		}
	}
	config := landlock.V9.BestEffort()
	if err := config.RestrictPaths(rules...); err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	if err := config.RestrictScoped(); err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	return syscall.Exec(argv[0], argv, env)
}

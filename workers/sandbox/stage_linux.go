package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"

	"jitos.dev/work"
)

// Main must be called first thing in main: in the process that Run starts it
// locks itself in, becomes the command, and does not return. Elsewhere it does
// nothing.
func Main() {
	switch os.Getenv(stageEnv) {
	case "":
		return
	case "probe":
		os.Exit(0)
	case "1":
		first()
	case "2":
		second()
	}
	os.Exit(exitSetup)
}

// exitSetup is how a stage ends that could not do its part; its report says why.
const exitSetup = 125

func readSpec() (spec, error) {
	var s spec
	f := os.NewFile(fdSpec, "spec")
	defer f.Close()
	return s, json.NewDecoder(f).Decode(&s)
}

// answer writes the report and closes it.
func answer(r report) {
	f := os.NewFile(fdReport, "report")
	_ = json.NewEncoder(f).Encode(r)
	f.Close()
}

// first is the init of the new namespaces: it starts the second stage and ends
// with it, and with it everything else in them.
func first() {
	s, err := readSpec()
	if err != nil {
		answer(report{Error: "the command could not be read: " + err.Error()})
		return
	}
	in := work.Sandbox{Network: "open", Lacks: s.Lacks}
	if s.Namespaces {
		in.Parts = append(in.Parts, "userns", "pidns", "ipcns", "utsns")
		in.Network = "none (netns)"
		prepare(s, &in)
		showOwn(&s, &in)
		openExit(&s, &in)
		enterRoot(s, &in)
		if s.MemoryMax > 0 && slices.Contains(in.Parts, "mountns") {
			in.Parts = append(in.Parts, memoryPart)
		}
	}
	in.Parts = append(in.Parts, diskPart)
	unix.CloseOnExec(fdAlive)
	unix.CloseOnExec(fdReport)
	out := os.NewFile(fdReport, "report")
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		in.Lacks = append(in.Lacks, "subreaper: "+err.Error())
	}
	disk := watchDisk(s.Write, s.DiskMax) // as it is before the command
	hears := listenTo(&s, &in)
	next, err := startSecond(s, in, out, hears)
	if err != nil {
		_ = json.NewEncoder(out).Encode(report{Error: "the second stage could not start: " + err.Error()})
		return
	}
	if !slices.Contains(in.Parts, memoryPart) {
		s.MemoryMax = 0
	}
	go func() {
		why := watch(s.MemoryMax, disk)
		killAll(s.Namespaces)
		_ = json.NewEncoder(out).Encode(report{Over: why})
		os.Exit(128 + int(syscall.SIGKILL))
	}()
	go func() {
		_, _ = io.Copy(io.Discard, os.NewFile(fdAlive, "alive"))
		killAll(s.Namespaces)
		os.Exit(128 + int(syscall.SIGKILL))
	}()
	code := reap(next, s.Namespaces)
	if hears != nil && hears.reads != nil {
		var last report
		last.Reads, last.Lacks = hears.reads.done()
		_ = json.NewEncoder(out).Encode(last)
	}
	os.Exit(code)
}

// watchEvery is how often a command is looked at: what it takes meanwhile is beyond
// its ceilings.
const watchEvery = 50 * time.Millisecond

// watch returns when the command takes more than it may, and says of what.
func watch(memoryMax int64, disk *diskWatch) string {
	for now := range time.Tick(watchEvery) {
		if is := memoryOfAll(); memoryMax > 0 && is > memoryMax {
			return fmt.Sprintf("memory_max: its processes had %d bytes, %d are allowed", is, memoryMax)
		}
		if why := disk.over(now); why != "" {
			return why
		}
	}
	return ""
}

// startSecond starts the second stage; the spec goes on to it with what is in
// force so far.
func startSecond(s spec, in work.Sandbox, out *os.File, hears *listener) (int, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	files := []*os.File{os.Stdin, os.Stdout, os.Stderr, r, out}
	if hears != nil {
		files = append(files, hears.theirs)
	}
	p, err := os.StartProcess("/proc/self/exe", []string{"jitos-sandbox"}, &os.ProcAttr{Env: []string{stageEnv + "=2"}, Files: files})
	r.Close()
	if hears != nil {
		hears.theirs.Close()
	}
	if err != nil {
		w.Close()
		return 0, err
	}
	err = json.NewEncoder(w).Encode(struct {
		Spec    spec
		InForce work.Sandbox
	}{s, in})
	w.Close()
	return p.Pid, err
}

// reap waits for every child until the second stage ends, and returns its exit
// status. Without a process namespace it then kills what is left.
func reap(pid int, namespaces bool) int {
	for {
		var st syscall.WaitStatus
		got, err := syscall.Wait4(-1, &st, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return exitSetup
		}
		if got != pid {
			continue
		}
		if !namespaces {
			killAll(false)
		}
		if st.Signaled() {
			return 128 + int(st.Signal())
		}
		return st.ExitStatus()
	}
}

// killAll kills what the command started. In a process namespace the end of
// its init does that; elsewhere children are killed until there are none:
// orphans become children of this process, which is their subreaper.
func killAll(namespaces bool) {
	if namespaces {
		return
	}
	for range maxProcesses {
		tasks, _ := filepath.Glob("/proc/self/task/*/children")
		n := 0
		for _, f := range tasks {
			data, _ := os.ReadFile(f)
			for _, pid := range strings.Fields(string(data)) {
				var p int
				if _, err := fmt.Sscan(pid, &p); err == nil && syscall.Kill(p, syscall.SIGKILL) == nil {
					n++
				}
			}
		}
		if n == 0 {
			return
		}
		var st syscall.WaitStatus
		_, _ = syscall.Wait4(-1, &st, 0, nil)
	}
}

// prepare makes the namespaces ready: loopback up, a /proc that shows only the
// sandbox, and no sockets of the machine's services in reach.
func prepare(s spec, in *work.Sandbox) {
	lack := func(what string, err error) {
		if err != nil {
			in.Lacks = append(in.Lacks, what+": "+err.Error())
		} else {
			in.Parts = append(in.Parts, what)
		}
	}
	lack("loopback", loopbackUp())
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	if err == nil {
		err = unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	}
	lack("mountns", err)
	if err == nil {
		lack("pid limit", os.WriteFile("/proc/sys/kernel/pid_max", []byte(fmt.Sprint(maxProcesses)), 0o644))
		if !needsRun(s) {
			lack("empty /run", unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=1m,mode=0755"))
		}
	}
}

// needsRun says whether a folder that the command is given stands below /run.
func needsRun(s spec) bool {
	for _, list := range [][]string{s.Write, s.Read, {s.Dir}} {
		for _, p := range list {
			if strings.HasPrefix(filepath.Clean(p)+"/", "/run/") {
				return true
			}
		}
	}
	return false
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}

// second locks itself in and becomes the command.
func second() {
	runtime.LockOSThread()
	var given struct {
		Spec    spec
		InForce work.Sandbox
	}
	f := os.NewFile(fdSpec, "spec")
	if err := json.NewDecoder(f).Decode(&given); err != nil {
		answer(report{Error: "the command could not be read: " + err.Error()})
		return
	}
	f.Close()
	s, in := given.Spec, given.InForce
	r := report{}
	path, err := find(s)
	if err != nil {
		answer(report{Error: err.Error(), Missing: true})
		return
	}
	if err := lockIn(s, &in); err != nil {
		answer(report{Error: err.Error()})
		return
	}
	if parts := s.heard(); len(parts) > 0 {
		err := passListener(s)
		for _, part := range parts {
			if err != nil {
				in.Lacks = append(in.Lacks, part+": "+err.Error())
			} else {
				in.Parts = append(in.Parts, part)
			}
		}
	}
	r.InForce = in
	unix.CloseOnExec(fdReport)
	answer(r)
	err = syscall.Exec(path, s.Argv, s.Env)
	fmt.Fprintf(os.Stderr, "%s: %v\n", s.Argv[0], err)
	os.Exit(126)
}

// find looks for the program along the command's own PATH.
func find(s spec) (string, error) {
	if err := os.Chdir(s.Dir); err != nil {
		return "", err
	}
	name := s.Argv[0]
	if strings.Contains(name, "/") {
		return exec.LookPath(name)
	}
	for _, kv := range s.Env {
		list, ok := strings.CutPrefix(kv, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(list) {
			if p, err := exec.LookPath(filepath.Join(dir, name)); err == nil && filepath.IsAbs(p) {
				return p, nil
			}
		}
	}
	return "", fmt.Errorf("%s: there is no such command on the PATH of the sandbox", name)
}

// lockIn takes away everything that the command is not to have.
func lockIn(s spec, in *work.Sandbox) error {
	// Should memory run out, this goes before the daemon does.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0o644)
	if err := limits(); err != nil {
		return err
	}
	in.Parts = append(in.Parts, "rlimits")
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	in.Parts = append(in.Parts, "no_new_privs")
	if in.Network == "open" {
		if err := denyInternet(); err != nil {
			in.Lacks = append(in.Lacks, "seccomp: "+err.Error())
		} else {
			in.Network = "none (seccomp)"
		}
	}
	if err := confine(s, in); err != nil {
		return err
	}
	if err := dropCapabilities(); err != nil {
		in.Lacks = append(in.Lacks, "capabilities: "+err.Error())
	} else {
		in.Parts = append(in.Parts, "no capabilities")
	}
	switch {
	case in.Landlock > 0 && s.Namespaces:
		in.Tier = "full"
	case in.Landlock > 0:
		in.Tier = "landlock"
	default:
		in.Tier = "none"
	}
	return nil
}

func limits() error {
	for _, l := range []struct {
		what int
		max  uint64
	}{{unix.RLIMIT_CORE, 0}, {unix.RLIMIT_NOFILE, maxOpenFiles}, {unix.RLIMIT_FSIZE, maxFileSize}, {unix.RLIMIT_CPU, maxCPU}, {unix.RLIMIT_NPROC, maxProcesses}} {
		var is unix.Rlimit
		if err := unix.Getrlimit(l.what, &is); err != nil {
			return fmt.Errorf("limits: %w", err)
		}
		max := min(l.max, is.Max)
		if err := unix.Setrlimit(l.what, &unix.Rlimit{Cur: max, Max: max}); err != nil {
			return fmt.Errorf("limits: %w", err)
		}
	}
	return nil
}

// The system's folders and files that programs need in order to run.
var (
	systemDirs = []string{
		"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/proc",
		"/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/alternatives", "/etc/ld.so.conf.d", "/sys/fs/cgroup", "/sys/devices/system/cpu",
		"/sys/kernel/mm/transparent_hugepage",
	}
	systemFiles = []string{
		"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.preload", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/hosts", "/etc/host.conf",
		"/etc/resolv.conf", "/etc/localtime", "/etc/timezone", "/etc/mime.types", "/etc/protocols", "/etc/services", "/etc/gai.conf", "/etc/os-release",
		"/dev/random", "/dev/urandom",
	}
	systemDevices = []string{"/dev/null", "/dev/zero", "/dev/full"}
)

// confine applies Landlock, as much of it as the kernel has.
func confine(s spec, in *work.Sandbox) error {
	abi, err := ll.LandlockGetABIVersion()
	if err != nil || abi < 1 {
		in.Lacks = append(in.Lacks, "landlock: not in this kernel")
		return nil
	}
	rules := []landlock.Rule{
		landlock.RODirs(systemDirs...).IgnoreIfMissing(), landlock.ROFiles(systemFiles...).IgnoreIfMissing(), landlock.RWFiles(systemDevices...).IgnoreIfMissing(),
	}
	for _, p := range s.Read {
		st, err := os.Stat(p)
		switch {
		case err != nil:
		case st.IsDir():
			rules = append(rules, landlock.RODirs(p))
		default:
			rules = append(rules, landlock.ROFiles(p))
		}
	}
	for _, p := range s.Write {
		rule := landlock.RWDirs(p).WithResolveUnix()
		if abi >= 2 {
			rule = rule.WithRefer()
		}
		rules = append(rules, rule)
	}
	config := landlock.V9.BestEffort()
	if err := config.RestrictPaths(rules...); err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	if err := config.RestrictScoped(); err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	in.Landlock = abi
	return nil
}

// dropCapabilities gives up what a new user namespace gave, for good.
func dropCapabilities() error {
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil && err != unix.EINVAL && err != unix.EPERM {
			return err
		}
	}
	const noRoot, noRootLocked = 1 << 0, 1 << 1
	if err := unix.Prctl(unix.PR_SET_SECUREBITS, noRoot|noRootLocked, 0, 0, 0); err != nil && err != unix.EPERM {
		return err
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return unix.Capset(&head, &none[0])
}

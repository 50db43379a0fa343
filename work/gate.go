package work

import "jitos.dev/rmg"

// GateKind says how a gate is run.
type GateKind string

// The kinds of gate.
const (
	GateCommand GateKind = "command" // exit status 0
	GateTest    GateKind = "test"    // tests of a pattern, by name
	GateFile    GateKind = "file"    // a file exists and is not empty
	GatePolicy  GateKind = "policy"  // judged by the kernel from the change itself
	GateAnswer  GateKind = "answer"  // a person approved exactly this
	GateQuery   GateKind = "query"   // judged by the kernel from the branch's graph
	GateHook    GateKind = "hook"    // a hook of the person's git lets the commit be made, or pushed
)

// Gate is a check that must pass before collapse.
type Gate struct {
	Name          string   `json:"name"`
	Kind          GateKind `json:"kind"`
	Argv          []string `json:"argv,omitempty"`       // GateCommand, and GateTest with a Parser
	Pattern       string   `json:"pattern,omitempty"`    // GateTest without Argv: Go packages, "./..."; GateFile: path; GateQuery: selector
	Module        string   `json:"module,omitempty"`     // folder it runs in, relative
	NewTest       bool     `json:"new_test,omitempty"`   // GateTest: one has to be there within Pattern that the base does not have
	RedBefore     bool     `json:"red_before,omitempty"` // GateTest: what was red at the base within Pattern must be green
	TimeoutMillis int64    `json:"timeout_ms,omitempty"`
	Parser        string   `json:"parser,omitempty"`  // GateTest with Argv: what its report is written in; see Parsers
	Report        string   `json:"report,omitempty"`  // file that the run writes its report to, relative to the repository; what it prints if empty
	Reruns        int      `json:"reruns,omitempty"`  // how often a red run is done again before it counts
	Hooks         string   `json:"hooks,omitempty"`   // GateHook: SHA-256, hex, of the folder that Argv[0] stands in
	Over          string   `json:"over,omitempty"`    // GateHook: digest of the tree that HEAD is at
	Message       string   `json:"message,omitempty"` // GateHook: the commit's, for the hook to look at and to change; empty for none
	Push          *Push    `json:"push,omitempty"`    // GateHook: of pre-push, the push that it is asked about
	Approval      string   `json:"-"`                 // what a person approves its command by; empty where nobody has to
	// Inputs are globs of the files that it needs, relative to the repository. A
	// gate that has them is run where there is nothing else, and its key is of
	// those files alone; empty for all files.
	Inputs []string `json:"inputs,omitempty"`
}

// Push is a push as git tells a hook of it.
type Push struct {
	Remote  string `json:"remote"` // its name
	From    string `json:"from"`   // the branch that is pushed, here
	To      string `json:"to"`     // the branch there
	At      string `json:"at"`     // commit that it is known to be at there; "" for a new one
	Message string `json:"message"`
}

// Parsers lists what a report may be written in: what go test -json prints,
// JUnit's XML, the Test Anything Protocol, what pytest -v prints.
func Parsers() []string { return []string{"go", "junit", "tap", "pytest"} }

// TestStatus is how a test ended.
type TestStatus string

// The ends of a test.
const (
	TestPass TestStatus = "pass"
	TestFail TestStatus = "fail"
	TestSkip TestStatus = "skip"
)

// Test is one test by name.
type Test struct {
	Package string     `json:"package"`
	Name    string     `json:"name"` // "TestX" or "TestX/sub"
	Status  TestStatus `json:"status"`
}

// Sandbox names what was in force while something ran.
type Sandbox struct {
	Tier     string   `json:"tier"`               // "full", "landlock", "none"
	Landlock int      `json:"landlock,omitempty"` // ABI version in force; 0 for none
	Network  string   `json:"network"`            // "none (netns)", "hosts (netns, proxy)", "none (seccomp)", "open"
	Hosts    []string `json:"hosts,omitempty"`    // that could be reached
	Parts    []string `json:"parts,omitempty"`    // "userns", "pidns", "mountns", "no_new_privs", "rlimits"
	Lacks    []string `json:"lacks,omitempty"`    // what this machine does not give, and why
}

// Evidence is what a gate run left: what was run, on what, and how it ended.
// It stands in the collapse's record.
type Evidence struct {
	Gate      string     `json:"gate"`
	Kind      GateKind   `json:"kind"`
	Green     bool       `json:"green"`
	Reason    string     `json:"reason"` // one line: why it is green or red
	Key       string     `json:"key"`    // SHA-256, hex, of everything visible to it
	Input     rmg.Digest `json:"input"`  // of the tree it ran on
	Argv      []string   `json:"argv,omitempty"`
	Exit      int        `json:"exit"`
	TimedOut  bool       `json:"timed_out,omitempty"`
	Millis    int64      `json:"millis"`           // recorded, part of no key
	Output    rmg.Blob   `json:"-"`                // capped
	OutputSum string     `json:"output,omitempty"` // its SHA-256, hex
	Tests     []Test     `json:"tests,omitempty"`  // sorted by package, name
	Tools     string     `json:"tools,omitempty"`  // "go1.26.8 linux/amd64; /usr/bin/make 3f6a...", the program's SHA-256
	Env       string     `json:"env,omitempty"`    // SHA-256, hex, of the environment given
	Sandbox   Sandbox    `json:"sandbox"`
	Reused    bool       `json:"reused,omitempty"`   // taken from an earlier run under the same key
	Fault     string     `json:"fault,omitempty"`    // why the run does not count, whatever came of it
	Report    string     `json:"report,omitempty"`   // SHA-256, hex, of the report's file, where there was one
	Demanded  bool       `json:"demanded,omitempty"` // by the repository itself
	Message   string     `json:"message,omitempty"`  // of GateHook: the commit's, as the hook left it
	Tries     []Evidence `json:"tries,omitempty"`    // the runs before the one that counts, all red, where the gate may be flaky
}

// Proof asks for gates to be run on one tree in a folder no worker touched.
type Proof struct {
	Folder  string     // absolute path of the repository's root; the runner may write in it
	Scratch string     // absolute path of a fresh private folder beside it: caches, HOME, TMPDIR
	Input   rmg.Digest // digest of the tree in it
	Gates   []Gate     // command, test, file and hook gates only
	Read    []string   // files and folders outside that they may read
	Commit  string     // that a pre-push hook is asked about, where there is one among the gates
	Made    []string   // keys of what set-up steps made that stands in the folder besides; part of every gate's key
	Own     string     // where commands see Folder, if that can be had; "" for where it is. Part of no key
	PutBlob func([]byte) (rmg.Blob, error)
	Emit    func(Event)
	// File gives the content of a file of the tree; nil if the folder is not to be
	// looked at after a run.
	File func(name string) (rmg.Blob, bool)
	// Judges reports whether a file, were it there, would have a say in how tests
	// end: a run that makes one is red. May be nil.
	Judges func(name string) bool
}

package archtest

import "strings"

// module is the path that our own imports begin with.
const module = "jitos.dev"

// contract says which of our packages a package may import, as the design has
// it: kernel knows no worker, the pure core knows nothing of the outside, and
// what is wired together is wired in cmd and internal/sim alone. "*" stands for
// anything, "x/..." for x and all below it. A package without a row is refused.
var contract = map[string][]string{
	"rmg":          {},
	"rmg/graphml":  {"rmg"},
	"rmg/drawing":  {"rmg"},
	"viewer":       {},
	"methods":      {},
	"tasks":        {"tasks/htn", "tasks/schema"},
	"tasks/schema": {},
	"tasks/htn":    {},
	"tasks/hddl":   {"tasks/htn"},
	"tasks/verify": {"tasks/htn"},
	"rewrite":      {"rmg"},
	"rewrite/rule": {"rmg", "rewrite"},
	"sched":        {"rmg", "rewrite", "rewrite/rule"},
	"work":         {"rmg", "rewrite", "tasks"},
	"journal":      {},
	"kernel":       {"rmg", "rewrite", "rewrite/rule", "sched", "tasks", "work", "journal"},
	"worktree":     {"rmg", "rewrite"},
	"workers":      {"work", "tasks", "rmg", "rewrite"},
	"net/wire":     {"rmg", "rewrite", "tasks", "work"},
	"net/client":   {"net/wire"},
	"net/mcp":      {"net/wire", "net/client"},
	"net/traces":   {"rmg", "rewrite"},
	"net/server":   {"net/wire", "kernel", "rmg", "rewrite", "tasks", "work", "viewer"},
	"cmd/jitos":    {"*"},
	"cmd/jitosd":   {"*"},
	"internal/sim": {"*"},

	"internal/mine": {"workers/repair"},
}

// leaves are packages beside the contract's that import none of ours.
var leaves = []string{"workers/gocache", "workers/llm/llmtest", "workers/agent/agenttest", "internal/archtest", "internal/heap", "internal/release"}

// exemption lets one finding of one rule pass, and says why. One that nothing
// needs any more is a fault of its own.
type exemption struct {
	rule rule
	from string // the package, or the file
	to   string // what it imports or holds
	why  string
}

// exemptions is all that departs from the rules. Nothing else does: there is no
// marker in the code that silences one.
var exemptions = []exemption{
	{imports, "journal/journaltest", "journal", "the conformance suite of journal's file system and store, exported beside them"},
	{imports, "net/client", "rmg", "errors come back as *rmg.Error, with the code that the wire carries"},
	{imports, "net/client", "tasks", "a plan and a SLAPS document are handed out as the types they have in net/wire"},
	{imports, "net/client", "work", "evidence is handed out as the type it has in net/wire"},
	{imports, "net/mcp", "rmg", "paths, selectors and the codes of errors are types of the contract"},
	{imports, "net/mcp", "tasks", "a plan is told as it is in net/wire"},
	{imports, "net/mcp", "work", "evidence is told as it is in net/wire"},
	{imports, "workers", "workers/sandbox", "the script worker and the gates run commands in it"},
	{imports, "workers", "workers/gotool", "the gates run go build, vet and test through it"},
	{imports, "workers/sandbox", "rmg", "errors carry the contract's codes"},
	{imports, "workers/sandbox", "work", "a sandbox's rights and what was in force are types of the contract"},
	{imports, "workers/gotool", "rmg", "errors carry the contract's codes"},
	{imports, "workers/gotool", "work", "test results by name are a type of the contract"},
	{imports, "workers/gotool", "workers/sandbox", "the go command runs code under test"},
	{imports, "workers/repair", "rmg", "a repair is a rewrite of files in the graph"},
	{imports, "workers/repair", "rewrite", "a repair is a rewrite of files in the graph"},
	{imports, "workers/repair", "work", "it is a worker"},
	{imports, "workers/repair", "workers/gotool", "it runs the tests of each candidate"},
	{imports, "workers/pool", "rmg", "errors carry the contract's codes"},
	{imports, "workers/pool", "rewrite", "what a machine brings back is a rewrite"},
	{imports, "workers/pool", "work", "leases and machines are types of the contract"},
	{imports, "workers/remote", "rmg", "a machine makes its tree from the graph's"},
	{imports, "workers/remote", "rewrite", "what a task changes are rewrites"},
	{imports, "workers/remote", "work", "it hands assignments to workers"},
	{imports, "workers/remote", "net/wire", "it speaks to a daemon by the wire"},
	{imports, "workers/llm", "rmg", "what a model changes are rewrites of files in the graph"},
	{imports, "workers/llm", "rewrite", "what a model changes are rewrites of files in the graph"},
	{imports, "workers/llm", "tasks/schema", "what a model asks of a tool is held to the tool's schema"},
	{imports, "workers/llm", "work", "it is a worker"},
	{imports, "workers/llm", "workers", "commands of a model are run as those of any worker"},
	{imports, "workers/llm", "workers/gotool", "with the toolchain's environment"},
	{imports, "workers/llm", "workers/sandbox", "in the sandbox"},
	{imports, "workers/agent", "rmg", "errors carry the contract's codes, and outputs are props"},
	{imports, "workers/agent", "work", "it is a worker"},
	{imports, "workers/agent", "workers", "an agent is run as any worker's command"},
	{imports, "workers/agent", "workers/gotool", "with the toolchain's environment"},
	{imports, "workers/agent", "workers/sandbox", "in the sandbox"},
	{imports, "workers/workertest", "rmg", "the conformance suite of the contract's workers, with a workspace in memory"},
	{imports, "workers/workertest", "rewrite", "the workspace takes rewrites"},
	{imports, "workers/workertest", "work", "the suite is of work.Worker"},

	{testImports, "journal", "journal/journaltest", "journal passes the suite that it exports"},
	{testImports, "kernel", "journal/journaltest", "a kernel is stopped and started on a disk that loses what was not synced"},
	{testImports, "workers", "workers/workertest", "script passes the suite"},
	{testImports, "workers/repair", "workers/workertest", "repair passes the suite"},
	{testImports, "workers/repair", "workers/gocache", "the go command is handed a cache; here the real one"},
	{testImports, "workers/repair", "workers/sandbox", "the test binary is what the sandbox starts"},
	{testImports, "workers/agent", "rewrite", "a space refuses rewrites"},
	{testImports, "workers/agent", "workers/workertest", "the worker passes the suite"},
	{testImports, "workers/agent", "workers/agent/agenttest", "an agent that the test binary becomes"},
	{testImports, "workers/llm", "workers/workertest", "the worker passes the suite"},
	{testImports, "workers/llm", "workers/llm/llmtest", "a server that speaks the vendors' wire formats"},
	{testImports, "workers/gotool", "workers/gocache", "the go command is handed a cache; here the real one"},
	{testImports, "tasks/verify", "tasks/hddl", "the domains that plans are judged in are HDDL files"},
	{testImports, "net/server", "net/client", "what the client sends and reads is what the server serves"},
	{purity, "rmg/room.go", "unsafe", "the one file that knows how nodes and records hold what is theirs in one allocation"},
}

// pure packages are a function of what they are given: law 12. Their time,
// chance and files come in as data.
var pure = []string{"rmg", "rmg/graphml", "rmg/drawing", "rewrite", "rewrite/rule", "tasks", "tasks/htn", "tasks/hddl", "tasks/verify", "sched", "work"}

// impure are the imports that a pure package stays away from, and all below
// them. crypto/sha256, sync and context are no outside world.
var impure = []string{
	"time", "os", "net", "math/rand", "crypto/rand", "log", "syscall", "io/ioutil", "plugin", "runtime", "testing", "unsafe", "C",
	"golang.org/x/sys",
}

// maxLines is how long a file may get before it holds more than one idea. Tests
// and generated files may be longer.
const maxLines = 600

// unfinished are the words by which code says that it is not done. They are put
// together here so that this file may hold them.
var unfinished = []string{"TO" + "DO", "FIX" + "ME", "XX" + "X"}

// stubs are the ways to leave a function out.
var stubs = []string{"stub", "not implemented", "unimplemented"}

// foreign are the places where the project is made and which it knows nothing
// of: no file of it may name them.
var foreign = []string{"../sha" + "red", "/wo" + "rk/"}

// own are texts that hold a foreign one and mean something of ours.
var own = []string{module + "/wo" + "rk/"}

// allows reports whether a row names the package.
func allows(row []string, pkg string) bool {
	for _, r := range row {
		if r == "*" || r == pkg {
			return true
		}
		if below, ok := strings.CutSuffix(r, "/..."); ok && (pkg == below || strings.HasPrefix(pkg, below+"/")) {
			return true
		}
	}
	return false
}

// under reports whether an import is one of the paths or below one.
func under(paths []string, p string) bool {
	for _, x := range paths {
		if p == x || strings.HasPrefix(p, x+"/") {
			return true
		}
	}
	return false
}

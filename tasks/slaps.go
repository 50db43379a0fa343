package tasks

import (
	"fmt"
	"strings"
)

// SLAPS is the structured intent: what is wanted, where, under which
// constraints, and how success is judged.
type SLAPS struct {
	Version     string         `json:"slaps_version"`  // "1"
	Intent      string         `json:"intent"`         // the task asked for, by its name in the library: "FixBug"
	Text        string         `json:"text,omitempty"` // what the person wrote
	Target      TargetRef      `json:"target"`
	Context     Context        `json:"context,omitzero"`
	Scope       Scope          `json:"scope,omitzero"`
	Constraints []string       `json:"constraints,omitempty"`
	Assumptions []string       `json:"assumptions,omitempty"`
	Priorities  []string       `json:"priorities,omitempty"`
	Success     []Criterion    `json:"success_criteria,omitempty"`
	Budget      Budget         `json:"budget,omitzero"`
	Parameters  map[string]any `json:"parameters,omitempty"` // string, float64, bool, lists of them
}

// TargetRef names what the intent is about. Ref is its graph path once it is
// resolved: /repo/AuthService/main/internal/token
type TargetRef struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"` // "repository", "folder", "file", "symbol", "environment"
	Ref  string `json:"ref,omitempty"`
}

// Context is where the intent comes from.
type Context struct {
	Environment string   `json:"environment,omitempty"`
	TicketID    string   `json:"ticket_id,omitempty"`
	Links       []string `json:"links,omitempty"`
}

// Scope bounds, by path globs relative to the repository, what may be changed,
// and says what may be changed although it is protected.
type Scope struct {
	Include   []string `json:"include,omitempty"`
	Exclude   []string `json:"exclude,omitempty"`
	Protected []string `json:"protected,omitempty"` // protected paths that the intent is about
	// Adds are protected places where it may put files that are not there: new test
	// files, while those that there are stay as they are.
	Adds []string `json:"adds,omitempty"`
	// DropTests are the tests that it is about to skip or to take away, as gates
	// name them, with "*" for anything: "example.com/app/old.Test*".
	DropTests []string `json:"drop_tests,omitempty"`
	// Network are the hosts that its commands may reach, "api.example.com:443".
	// Without one they have no network.
	Network []string `json:"network,omitempty"`
	// Labels are what the machine must have that its workers run on: "gpu". Without
	// one that is the daemon's own.
	Labels []string `json:"labels,omitempty"`
}

// Criterion is one success criterion; each becomes a gate.
//
//	{type: command, name: build, value: "go build ./..."}   argv split at spaces, no shell
//	{type: test, name: all tests, value: "./..."}           a package pattern
//	{type: test, name: failing test, value: "$target", red_before: true}
//	{type: file, name: report, value: REPORT.md}            exists and is not empty
//	{type: query, name: no old names, value: "!/**/old.go"} a selector below the repository that matches, or after "!" does not
//	{type: human, name: style, value: "it reads well"}      a person says so before the collapse
type Criterion struct {
	Type      string `json:"type,omitempty"`
	Name      string `json:"name,omitempty"`
	Value     string `json:"value"`
	NewTest   bool   `json:"new_test,omitempty"`   // one test, within value, has to be there that the base does not have
	RedBefore bool   `json:"red_before,omitempty"` // the tests that fail at the base, within value, must turn green
	// Inputs are globs of the files that it is judged on, relative to the
	// repository: it sees no others, so what changes elsewhere does not ask for
	// it again. Empty for all.
	Inputs []string `json:"inputs,omitempty"`
}

// Budget bounds the work. Zero means the default, which for all but the first
// two is no bound. A retry by a person begins it anew.
type Budget struct {
	Candidates  int   `json:"candidates,omitempty"`   // attempts at a change
	WallMillis  int64 `json:"wall_ms,omitempty"`      // of a task, and of the whole process
	Tries       int   `json:"tries,omitempty"`        // of each task, the first included
	Records     int   `json:"records,omitempty"`      // rewrites of the process's workspaces
	DiskBytes   int64 `json:"disk_bytes,omitempty"`   // content written in them
	MemoryBytes int64 `json:"memory_bytes,omitempty"` // of a command's processes together
	// ScratchBytes bounds what the files take that a command writes, those too that
	// are no part of the result.
	ScratchBytes int64 `json:"scratch_bytes,omitempty"`
	Tokens       int64 `json:"tokens,omitempty"`       // as workers report them
	MoneyMicros  int64 `json:"money_micros,omitempty"` // millionths of the currency that workers report in
}

// Violation is one fault of a document, with where it stands.
type Violation struct {
	File    string `json:"file,omitempty"`
	Pointer string `json:"pointer"`          // JSON pointer (RFC 6901): "/success_criteria/0/type"
	Line    int    `json:"line,omitempty"`   // from 1; 0 if unknown
	Column  int    `json:"column,omitempty"` // from 1; 0 if unknown
	Message string `json:"message"`
}

// Violations is the error of a document that is not valid: all of its faults.
type Violations []Violation

// Error lists the violations, one a line: "file:line:col: pointer: message".
func (v Violations) Error() string {
	lines := make([]string, len(v))
	for i, x := range v {
		var b strings.Builder
		if x.File != "" {
			b.WriteString(x.File + ":")
		}
		if x.Line > 0 {
			fmt.Fprintf(&b, "%d:%d:", x.Line, x.Column)
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		if x.Pointer != "" {
			b.WriteString(x.Pointer + ": ")
		}
		b.WriteString(x.Message)
		lines[i] = b.String()
	}
	return strings.Join(lines, "\n")
}

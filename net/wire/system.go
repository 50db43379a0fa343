package wire

import (
	"jitos.dev/rmg"
	"jitos.dev/tasks"
)

// Status is the state of the daemon.
type Status struct {
	Version    string     `json:"version"`
	Seq        uint64     `json:"seq"`
	Tick       uint64     `json:"tick"`
	Epoch      uint64     `json:"epoch" doc:"counts the daemon's starts"`
	World      rmg.Digest `json:"world"`
	Ledger     rmg.Digest `json:"ledger"`
	Records    int        `json:"records"`
	Workspaces int        `json:"workspaces"`
	Processes  int        `json:"processes"`
	Running    int        `json:"running" doc:"processes that go on"`
	Streams    int        `json:"streams" doc:"event streams open"`
	Marked     uint64     `json:"marked" doc:"seq up to which any version of the past is opened at once, as far back as the policy keeps marks"`
	Checked    string     `json:"checked,omitempty" doc:"what became of the check of the checkpoint that the daemon started from; absent until it ends, or without one"`
	Disk       int64      `json:"disk,omitempty" doc:"bytes of log, contents and checkpoints, as of a moment ago; absent if not known"`
	ReadOnly   string     `json:"read_only,omitempty" doc:"why it does not write; absent if it does"`
	Started    Time       `json:"started,omitzero"`
	Address    string     `json:"address,omitempty" doc:"where it is reached over TCP, with its certificate's fingerprint; absent without TCP"`
}

// Health is the answer of GET /healthz, the one call that needs no identity.
type Health struct {
	OK      bool   `json:"ok"`
	Version string `json:"version"`
}

// MethodsAnswer lists the method library, without the methods' YAML.
type MethodsAnswer struct {
	Methods  []tasks.MethodInfo `json:"methods"`
	Proposed []AddedMethod      `json:"proposed,omitempty" doc:"what waits for a person, and plans nothing"`
}

// ApproveMethodRequest is the body of POST /method/{id}/approve.
type ApproveMethodRequest struct {
	Digest string `json:"digest" doc:"of the proposal as the person saw it, or 12 digits of it or more"`
}

// MethodRequest is the body of POST /method.
type MethodRequest struct {
	Text  string `json:"text" doc:"a file of methods, in YAML"`
	Tests string `json:"tests,omitempty" doc:"golden tests of it, in YAML; it is refused if one fails"`
}

// ProposeRequest is the body of POST /method/propose.
type ProposeRequest struct {
	Words string `json:"words" doc:"what the method is to do, in a person's words"`
}

// AddedMethod is a method that was added to the library, or is proposed for it.
type AddedMethod struct {
	Name     string `json:"name"`
	Text     string `json:"text"`
	Tests    string `json:"tests,omitempty"`
	Digest   string `json:"digest,omitempty" doc:"of text and tests: what an approval is for"`
	Tested   int    `json:"tested" doc:"golden tests that passed"`
	Proposed bool   `json:"proposed,omitempty" doc:"it plans nothing until a person has approved it"`
	By       string `json:"by" doc:"who added or approved it; of a proposal who asked for it"`
	Words    string `json:"words,omitempty" doc:"that a model was given"`
	Model    string `json:"model,omitempty" doc:"that wrote it"`
}

// SessionRequest is the body of POST /session; it may be left out.
type SessionRequest struct {
	Act bool `json:"act,omitempty" doc:"the page may do what the caller may; it only looks if absent"`
}

// Caller is who makes a call, and what it may be heard on at all; policy decides
// on top of that.
type Caller struct {
	Name     string   `json:"name"`
	Kind     string   `json:"kind" enum:"person,worker,process,agent"`
	Caps     []string `json:"caps" doc:"admin, system, rewrite, exec, intent, collapse, push, react, work"`
	ReadOnly bool     `json:"read_only,omitempty" doc:"a web session that only looks"`
}

// Session is a one-time token for the web page: opening Path in a browser, once
// and soon, makes a session.
type Session struct {
	Token   string `json:"token"`
	Path    string `json:"path" doc:"/?session=TOKEN"`
	Expires Time   `json:"expires"`
}

// CallerHeader names who calls, as user@host; it is a claim, recorded as the
// author of what the call changes.
const CallerHeader = "Jitos-Caller"

// RequestHeader names a request, in its answer and in the daemon's log. A client
// may give a name of its own.
const RequestHeader = "X-Request-Id"

// KindHeader is agent where a program that holds the daemon's secret is an agent
// of its owner's: it is heard on what agents may do, and is nobody who approves.
const KindHeader = "Jitos-Kind"

// KeyHeader carries the idempotency key of a request: sent again under the same
// key it is not done again, and has the first answer.
const KeyHeader = "Idempotency-Key"

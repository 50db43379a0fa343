package wire

import (
	"jitos.dev/rmg"
	"jitos.dev/work"
)

// GatesAnswer is what a branch demands of every change of it.
type GatesAnswer struct {
	Root      rmg.Path `json:"root" doc:"the branch"`
	File      string   `json:"file,omitempty" doc:"where that is said; absent if the repository's language decides"`
	Gates     []Gate   `json:"gates" doc:"in the order in which they are run"`
	Setup     []Gate   `json:"setup,omitempty" doc:"commands that set workspaces up, in the order in which they are run"`
	Protected []string `json:"protected,omitempty" doc:"files that only a person changes, besides those that the policy protects"`
}

// Gate is one gate of a repository.
type Gate struct {
	work.Gate
	Hash      string   `json:"hash,omitempty" doc:"what its command is approved by; absent for one of the language"`
	Approved  bool     `json:"approved" doc:"it may be run"`
	By        string   `json:"by,omitempty" doc:"who approved it"`
	At        Time     `json:"at,omitzero"`
	Protected []string `json:"protected,omitempty" doc:"files that it protects, the scripts among them that its command names"`
}

// ApproveGatesRequest is the body of POST /gates/approve.
type ApproveGatesRequest struct {
	Repo   string   `json:"repo" doc:"absolute path of a folder in the repository"`
	Which  []string `json:"which" doc:"hashes, the first six digits or more of one, or names of gates"`
	Revoke bool     `json:"revoke,omitempty" doc:"take the approvals back"`
}

// ApproveGatesAnswer is the gates whose commands were approved, or are no longer.
type ApproveGatesAnswer struct {
	Gates []Gate `json:"gates"`
}

// RunGatesRequest is the body of POST /gates/run.
type RunGatesRequest struct {
	Repo  string   `json:"repo" doc:"absolute path of a folder in the repository"`
	SWS   string   `json:"sws,omitempty" doc:"a workspace that is judged as if it collapsed now; the branch as it is, if absent"`
	Names []string `json:"names,omitempty" doc:"those gates only"`
}

// EventProven ends the events of POST /gates/run, of which the others are those
// of a command's output.
const EventProven = "proven" // RunGatesAnswer

// RunGatesAnswer is what the gates showed.
type RunGatesAnswer struct {
	Green    bool            `json:"green" doc:"all of them are"`
	Evidence []work.Evidence `json:"evidence"`
}

// RunGatesEvent is an event of POST /gates/run: one of the two.
type RunGatesEvent struct {
	Output *work.Event
	Proven *RunGatesAnswer
}

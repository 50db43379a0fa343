package wire

import (
	"jitos.dev/rmg"
)

// Policy is the policy that counts.
type Policy struct {
	YAML   string       `json:"yaml" doc:"the whole of it, the default policy's rules included; POST /policy takes it"`
	Own    bool         `json:"own" doc:"something stands at /policy"`
	Digest string       `json:"digest,omitempty" doc:"of /policy"`
	Rules  []PolicyRule `json:"rules"`
	Broken string       `json:"broken,omitempty" doc:"why it does not compile; everything is denied then"`
}

// PolicyRule is one rule.
type PolicyRule struct {
	Name    string   `json:"name"`
	Effect  string   `json:"effect" enum:"allow,deny,ask"`
	Verbs   []string `json:"verbs"`
	Paths   []string `json:"paths,omitempty" doc:"globs; none means anywhere"`
	Kinds   []string `json:"kinds,omitempty"`
	When    string   `json:"when,omitempty" doc:"a CEL expression"`
	Reason  string   `json:"reason,omitempty"`
	Default bool     `json:"default,omitempty" doc:"of the default policy"`
}

// PolicyRequest is the body of POST /policy.
type PolicyRequest struct {
	Document string `json:"document" doc:"YAML; an empty one takes /policy away"`
	Reason   string `json:"reason,omitempty"`
}

// PolicyAnswer is what would be decided, and why.
type PolicyAnswer struct {
	Effect string       `json:"effect" enum:"allow,deny,ask"`
	Verb   string       `json:"verb"`
	Path   rmg.Path     `json:"path"`
	Who    string       `json:"who"`
	Steps  []PolicyStep `json:"steps" doc:"in the order in which they are looked at; the first that denies decides"`
}

// PolicyStep is one thing that has to let an action through.
type PolicyStep struct {
	What    string       `json:"what" doc:"law, capability, rights, or the verb that policy was asked about"`
	Effect  string       `json:"effect" enum:"allow,deny,ask"`
	Rule    string       `json:"rule,omitempty"`
	Default bool         `json:"default,omitempty" doc:"the rule is one of the default policy"`
	Why     string       `json:"why,omitempty"`
	Lost    []PolicyLost `json:"lost,omitempty" doc:"rules that matched and were overruled"`
}

// PolicyLost is a rule that matched and did not decide.
type PolicyLost struct {
	Rule   string `json:"rule"`
	Effect string `json:"effect" enum:"allow,deny,ask"`
	Why    string `json:"why" doc:"what the rule that decided has over it"`
}

// Approval is a question to a person.
type Approval struct {
	ID        string     `json:"id"`
	About     string     `json:"about" enum:"collapse,conflict,task,permission"`
	State     string     `json:"state" enum:"open,approved,rejected,superseded"`
	Process   string     `json:"process,omitempty"`
	SWS       string     `json:"sws"`
	Question  string     `json:"question"`
	Digest    string     `json:"digest" doc:"of exactly what is asked about"`
	Asked     []Asked    `json:"asked,omitempty"`
	More      int        `json:"more,omitempty" doc:"places that are not listed"`
	Conflicts []Conflict `json:"conflicts,omitempty"`
	Next      string     `json:"next,omitempty" doc:"what to do about it"`
	At        Time       `json:"at,omitzero"`
	Answer    string     `json:"answer,omitempty" enum:"approve,reject"`
	By        string     `json:"by,omitempty"`
	Comment   string     `json:"comment,omitempty"`
	Answered  Time       `json:"answered,omitzero"`
	Amends    string     `json:"amends,omitempty" doc:"what the answer changed in the workspace, in words"`

	Changes []FileChange `json:"changes,omitempty" doc:"what the workspace does to files; of one question alone"`
}

// FileChange is what a change does to one file, in parts that can be rejected one by
// one.
type FileChange struct {
	Path   rmg.Path `json:"path"`
	Name   string   `json:"name" doc:"of the file in its repository"`
	Change string   `json:"change" enum:"added,removed,changed"`
	Whole  bool     `json:"whole,omitempty" doc:"it can be rejected as a whole alone"`
	Now    string   `json:"now,omitempty" doc:"SHA-256 of what it holds in the workspace; absent if that is nothing"`
	Cut    bool     `json:"cut,omitempty" doc:"its hunks are told without their lines: there is too much of it"`
	Hunks  []Hunk   `json:"hunks"`
}

// Hunk is one part of a change: the lines old became the lines new.
type Hunk struct {
	N       int    `json:"n" doc:"its number in the file, from 1"`
	OldLine int    `json:"old_line"`
	Line    int    `json:"line"`
	Old     string `json:"old,omitempty"`
	New     string `json:"new,omitempty"`
}

// HunkRef names a part of a change.
type HunkRef struct {
	File rmg.Path `json:"file"`
	N    int      `json:"n,omitempty" doc:"from 1; absent for all of the file"`
}

// FileEdit is a file of a change as a person wants it.
type FileEdit struct {
	File rmg.Path `json:"file"`
	Text string   `json:"text"`
}

// Asked is one thing that has to be approved.
type Asked struct {
	Verb string   `json:"verb"`
	Path rmg.Path `json:"path"`
	Rule string   `json:"rule,omitempty"`
	Why  string   `json:"why,omitempty"`
}

// InboxAnswer lists questions, oldest first.
type InboxAnswer struct {
	Inbox []Approval `json:"inbox"`
}

// AnswerRequest is the body of POST /inbox/{id}.
type AnswerRequest struct {
	Answer  string     `json:"answer" enum:"approve,reject"`
	Comment string     `json:"comment,omitempty"`
	Reject  []HunkRef  `json:"reject,omitempty" doc:"parts of the change that are left out of what is approved"`
	Edit    []FileEdit `json:"edit,omitempty" doc:"files of the change, as they are to be instead"`
}

// TokenRequest is the body of POST /token.
type TokenRequest struct {
	Name string   `json:"name"`
	Kind string   `json:"kind,omitempty" enum:"process,agent" doc:"process if absent"`
	Caps []string `json:"caps" doc:"admin, system, rewrite, exec, intent, collapse, push, react, work"`
	TTL  string   `json:"ttl,omitempty" doc:"how long it lasts: 12h; 720h if absent"`
}

// Token is what a token may do; never its secret.
type Token struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Kind    string   `json:"kind" enum:"process,agent"`
	Caps    []string `json:"caps"`
	State   string   `json:"state" enum:"valid,expired,revoked"`
	By      string   `json:"by"`
	Made    Time     `json:"made,omitzero"`
	Expires Time     `json:"expires,omitzero"`
}

// NewToken is a token with its secret, which is told this once.
type NewToken struct {
	Token
	Secret string `json:"secret"`
}

// TokensAnswer lists tokens, oldest first.
type TokensAnswer struct {
	Tokens []Token `json:"tokens"`
}

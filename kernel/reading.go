package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"jitos.dev/rmg"
	"jitos.dev/tasks"
	"jitos.dev/work"
)

// Of a text that fits no phrase a model may say which task it means.
const (
	workerModel   = "llm"
	actionReading = "understand"
	maxReadings   = 3      // tries, each told what was wrong with the one before
	readingTokens = 40_000 // that one text may cost
	maxReadNames  = 200    // of the repository that the model is shown
)

// canRead reports whether the daemon has a model to read texts with.
func (k *Kernel) canRead() bool { return k.modelDoes(actionReading) }

func (k *Kernel) modelDoes(action string) bool {
	return slices.ContainsFunc(k.opt.Runner.Describe(), func(d work.Description) bool {
		return d.Name == workerModel && slices.Contains(d.Actions, action)
	})
}

// meant has the model read a text that fits no phrase (unread says so), and holds
// what it says to the library and the repository like a person's document. It gives
// a task, a target and parameters alone: rights, network and budget are the
// person's, so that nothing in a text or a file name can have more allowed. What it
// took the text for stands among the assumptions of the document.
func (k *Kernel) meant(ctx context.Context, c Caller, r IntentRequest, root rmg.Path, tree rmg.Graph, unread error) (tasks.SLAPS, error) {
	asks := newSubject(c, processFacts{Owner: c.Name, Intent: r.Text})
	if err := k.judgement(asks).may(VerbDispatch, workerRoot.Child(workerModel), kindWorker); err != nil {
		return tasks.SLAPS{}, errors.Join(unread, err)
	}
	list, err := fileTargets(root, tree)
	if err != nil {
		return tasks.SLAPS{}, err
	}
	lib, err := k.library()
	if err != nil {
		return tasks.SLAPS{}, err
	}
	args := map[string]any{"text": r.Text, "tasks": taskLines(lib), "names": shownNames(list)}
	list = append(list, k.symbolTargets(root, tree)...)
	left := int64(readingTokens)
	for range maxReadings {
		res, err := k.opt.Runner.Run(ctx, workerModel, work.Assignment{
			Task: "read", Action: actionReading, Args: args, Attempt: 1,
			Workspace: k.newScratch(k.now().world, root, work.Rights{}, "reading"), Query: query{k: k},
			Repo:   work.Repo{Name: root.Segments()[1].ID, Root: root, Module: ".", Target: "."},
			Budget: work.Budget{Tokens: left, OutputMax: defaultOutputMax},
			Emit:   func(work.Event) {},
		})
		k.recordCost(workerModel, costReading, res.Spent)
		if err != nil {
			return tasks.SLAPS{}, unasked(unread, err)
		}
		if !res.OK {
			return tasks.SLAPS{}, &rmg.Error{Op: "intent", Code: rmg.Invalid, Msg: fmt.Sprintf("%v, and the model takes it for none: %s", unread, res.Summary), Hint: "jitos slaps new TASK says it exactly; jitos method list shows the tasks"}
		}
		said := res.Output.String("meaning")
		s, err := fitting(lib, r, said, list)
		if err == nil {
			s.Assumptions = append(s.Assumptions, fmt.Sprintf("%s read the words as %s on %s", res.Output.String("model"), s.Intent, s.Target.Name))
			return s, nil
		}
		args["said"], args["fault"] = said, err.Error()
		if left -= res.Spent.Tokens; left <= 0 {
			break
		}
	}
	return tasks.SLAPS{}, &rmg.Error{Op: "intent", Code: rmg.Invalid, Msg: fmt.Sprintf("%v, and what the model takes it for cannot be planned: %v", unread, args["fault"]), Hint: "jitos slaps new TASK says it exactly"}
}

// unasked is the error of a model that could not be asked about a text.
func unasked(unread, err error) error {
	var e *rmg.Error
	if errors.As(err, &e) {
		return err
	}
	return &rmg.Error{Op: "intent", Code: rmg.Unavailable, Msg: fmt.Sprintf("%v, and the model could not be asked: %v", unread, err), Hint: "jitos slaps new TASK says it without a model"}
}

// fitting is a document of what the model said, if library and repository take it.
func fitting(lib *tasks.Library, r IntentRequest, said string, list []tasks.Target) (tasks.SLAPS, error) {
	var m struct {
		Intent, Target string
		Parameters     map[string]any
	}
	if err := json.Unmarshal([]byte(said), &m); err != nil {
		return tasks.SLAPS{}, err
	}
	name := strings.TrimPrefix(m.Target, "./")
	if name == "" || name == "." {
		name = list[0].Name // the repository
	}
	target, err := tasks.ResolveTarget(name, list)
	if err != nil {
		return tasks.SLAPS{}, err
	}
	s := tasks.SLAPS{Version: "1", Intent: m.Intent, Text: r.Text, Target: target, Parameters: m.Parameters}
	data, err := json.Marshal(s)
	if err != nil {
		return tasks.SLAPS{}, err
	}
	return lib.Check("reading", data)
}

// taskLines lists the tasks that a person can ask for, as a model is told them.
func taskLines(lib *tasks.Library) []any {
	var out []any
	for _, t := range lib.Tasks() {
		out = append(out, line(t.Name, t.Summary, t.Params))
	}
	return out
}

// line is a task or primitive as a model is told it. What it is about every one has.
func line(name, summary string, params map[string]string) string {
	var list []string
	for _, p := range sortedNames(params) {
		if typ := params[p]; typ != "target" {
			list = append(list, p+": "+typ)
		}
	}
	return fmt.Sprintf("%s(%s): %s", name, strings.Join(list, ", "), summary)
}

func sortedNames(m map[string]string) []string {
	var out []string
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// shownNames are names of a repository that a model is shown: folders before files.
func shownNames(list []tasks.Target) []any {
	var out []any
	for _, typ := range []string{"folder", "file"} {
		for _, t := range list {
			if t.Type == typ && len(out) < maxReadNames {
				out = append(out, t.Name)
			}
		}
	}
	return out
}

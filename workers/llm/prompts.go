package llm

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"

	"jitos.dev/rmg"
)

//go:embed prompts
var promptFiles embed.FS

// prompts are the texts that a model is given.
type prompts struct {
	system     string
	implement  *template.Template
	understand string             // system prompt for reading a text
	wish       *template.Template // of what is asked about it
	propose    string             // system prompt for writing a method
	want       *template.Template // of what the method is to do
}

func loadPrompts() (prompts, error) {
	var p prompts
	for file, text := range map[string]*string{"system.md": &p.system, "understand.md": &p.understand, "propose.md": &p.propose} {
		data, err := promptFiles.ReadFile("prompts/" + file)
		if err != nil {
			return p, err
		}
		*text = strings.TrimSpace(string(data))
	}
	for file, t := range map[string]**template.Template{"implement.md.tmpl": &p.implement, "understand.md.tmpl": &p.wish, "propose.md.tmpl": &p.want} {
		var err error
		if *t, err = template.New(file).Option("missingkey=error").ParseFS(promptFiles, "prompts/"+file); err != nil {
			return p, err
		}
	}
	return p, nil
}

// maxSuspects is how many suspicious lines a model is told.
const maxSuspects = 10

// brief is what the first message is made of.
type brief struct {
	Intent, Repository, Module, Target, Symbol string
	Failing, Suspects                          []string
	Write, Commands, Gates                     string
}

// briefOf collects it from an assignment and what the tasks before found out.
func briefOf(d *desk) brief {
	a := d.a
	b := brief{
		Repository: a.Repo.Name, Module: orDot(a.Repo.Module), Target: orDot(a.Repo.Target), Symbol: a.Repo.Symbol,
		Write: strings.Join(a.Rights.Write, ", "), Commands: commandList(d.allow), Gates: commandList(d.gates),
	}
	b.Intent, _ = a.Args["what"].(string) // what is asked for, if the task says so itself
	if b.Intent == "" {
		b.Intent = "Make the failing tests of " + b.Target + " pass without breaking others."
		if hint, _ := a.Args["hint"].(string); hint != "" {
			b.Intent += " The person calls it: " + hint + "."
		}
	}
	if goal, _ := a.Args["goal"].(string); goal != "" {
		b.Intent = goal + " " + b.Intent // what the method says of every such task
	}
	for _, id := range slices.Sorted(maps.Keys(a.Inputs)) {
		in := a.Inputs[id]
		b.Failing = append(b.Failing, stringsOf(in, "failing")...)
		b.Suspects = append(b.Suspects, stringsOf(in, "suspects")...)
	}
	b.Suspects = b.Suspects[:min(len(b.Suspects), maxSuspects)]
	return b
}

func (p prompts) first(b brief) (string, error) {
	var out strings.Builder
	if err := p.implement.Execute(&out, b); err != nil {
		return "", fmt.Errorf("prompt: %w", err)
	}
	return strings.TrimSpace(out.String()), nil
}

func orDot(s string) string {
	if s == "" {
		return "."
	}
	return s
}

func stringsOf(p rmg.Props, name string) []string {
	v, _ := p.Get(name)
	list, _ := v.AsList()
	var out []string
	for _, x := range list {
		if s, ok := x.AsString(); ok {
			out = append(out, s)
		}
	}
	return out
}

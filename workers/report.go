package workers

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
)

//go:embed templates/*.md.tmpl
var templates embed.FS

// What a report holds at most.
const (
	maxCommits = 20
	maxBiggest = 10
	maxCounted = 4 << 20 // bytes of a file whose lines are counted
)

// Report is what the repository template renders.
type Report struct {
	Name, Branch string
	Files        int
	Bytes        int64
	Languages    []Language
	Tests        []TestCount
	TestFuncs    int
	Biggest      []FileSize
	Commits      []ReportCommit
}

// Language is the files of one language.
type Language struct {
	Name         string
	Files, Lines int
}

// TestCount is the tests of one folder.
type TestCount struct {
	Folder string
	Tests  int
}

// FileSize is one file.
type FileSize struct {
	Path  string
	Bytes int64
}

// ReportCommit is one commit of the history.
type ReportCommit struct{ ID, Date, Author, Subject string }

var languages = map[string]string{
	".go": "Go", ".md": "Markdown", ".yaml": "YAML", ".yml": "YAML", ".json": "JSON", ".js": "JavaScript", ".mjs": "JavaScript", ".ts": "TypeScript",
	".tsx": "TypeScript", ".py": "Python", ".rs": "Rust", ".c": "C", ".h": "C", ".cc": "C++", ".cpp": "C++", ".hpp": "C++", ".java": "Java",
	".rb": "Ruby", ".sh": "Shell", ".html": "HTML", ".css": "CSS", ".sql": "SQL", ".proto": "Protocol Buffers", ".toml": "TOML", ".svelte": "Svelte",
	".txt": "Text", ".mod": "Go module", ".sum": "Go module", ".txtar": "Text",
}

func languageOf(name string) string {
	if l, ok := languages[strings.ToLower(path.Ext(name))]; ok {
		return l
	}
	switch path.Base(name) {
	case "Makefile", "GNUmakefile":
		return "Make"
	case "Dockerfile":
		return "Dockerfile"
	}
	return "Other"
}

var testFunc = regexp.MustCompile(`(?m)^func (Test|Benchmark|Fuzz|Example)[A-Z_0-9]?\w*\(`)

// gather reads the repository from the workspace's graph, and its history.
func gather(ctx context.Context, a work.Assignment) (Report, error) {
	r := Report{Name: a.Repo.Name, Branch: a.Repo.Branch}
	if a.Repo.Root == "" {
		return r, &rmg.Error{Op: "report", Code: rmg.Invalid, Msg: "the process has no repository", Hint: "run it in a git repository"}
	}
	g := a.Workspace.Graph()
	byLanguage, byFolder := map[string]*Language{}, map[string]int{}
	for p, e := range g.Walk(a.Repo.Root) {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		ids, ok := a.Repo.Root.Rel(p)
		if !ok || e.Kind != rewrite.KindFile {
			continue
		}
		if err := r.count(a, strings.Join(ids, "/"), e, byLanguage, byFolder); err != nil {
			return r, err
		}
	}
	for _, l := range byLanguage {
		r.Languages = append(r.Languages, *l)
	}
	slices.SortFunc(r.Languages, func(a, b Language) int {
		if a.Lines != b.Lines {
			return b.Lines - a.Lines
		}
		return strings.Compare(a.Name, b.Name)
	})
	for f, n := range byFolder {
		r.Tests = append(r.Tests, TestCount{Folder: f, Tests: n})
		r.TestFuncs += n
	}
	slices.SortFunc(r.Tests, func(a, b TestCount) int { return strings.Compare(a.Folder, b.Folder) })
	slices.SortFunc(r.Biggest, func(a, b FileSize) int {
		if a.Bytes != b.Bytes {
			return int(b.Bytes - a.Bytes)
		}
		return strings.Compare(a.Path, b.Path)
	})
	r.Biggest = r.Biggest[:min(len(r.Biggest), maxBiggest)]
	return r, r.history(ctx, a)
}

// count adds one file.
func (r *Report) count(a work.Assignment, name string, e rmg.Element, byLanguage map[string]*Language, byFolder map[string]int) error {
	b := e.Props.Blob(rewrite.PropBlob)
	r.Files++
	r.Bytes += b.Size
	r.Biggest = append(r.Biggest, FileSize{name, b.Size})
	l, ok := byLanguage[languageOf(name)]
	if !ok {
		l = &Language{Name: languageOf(name)}
		byLanguage[l.Name] = l
	}
	l.Files++
	if b.Size > maxCounted {
		return nil
	}
	data, err := a.Workspace.ReadBlob(b)
	if err != nil {
		return err
	}
	if bytes.IndexByte(data, 0) >= 0 {
		return nil
	}
	l.Lines += bytes.Count(data, []byte("\n"))
	if strings.HasSuffix(name, "_test.go") {
		if n := len(testFunc.FindAll(data, -1)); n > 0 {
			byFolder[path.Dir(name)] += n
		}
	}
	return nil
}

func (r *Report) history(ctx context.Context, a work.Assignment) error {
	if a.Query == nil {
		return nil
	}
	list, err := a.Query.Commits(ctx, maxCommits)
	if err != nil {
		return err
	}
	for _, c := range list {
		r.Commits = append(r.Commits, ReportCommit{
			ID: c.ID[:min(10, len(c.ID))], Date: time.Unix(c.AtUnix, 0).UTC().Format(time.DateOnly), Author: c.Author, Subject: c.Subject,
		})
	}
	return nil
}

// query counts, and hands the counts to the tasks that need it.
func query(ctx context.Context, a work.Assignment) (work.Result, error) {
	r, err := gather(ctx, a)
	if err != nil {
		return work.Result{}, err
	}
	var names []rmg.Value
	for _, l := range r.Languages {
		names = append(names, rmg.String(l.Name))
	}
	return work.Result{
		OK: true, Summary: fmt.Sprintf("%d files, %d bytes, %d tests", r.Files, r.Bytes, r.TestFuncs),
		Output: rmg.PropsOf(map[string]rmg.Value{
			"files": rmg.Int(int64(r.Files)), "bytes": rmg.Int(r.Bytes), "tests": rmg.Int(int64(r.TestFuncs)), "languages": rmg.List(names...),
		}),
	}, nil
}

// render renders args template to the file args out.
func render(ctx context.Context, a work.Assignment) (work.Result, error) {
	name, err := text(a.Args, "template")
	if err != nil {
		return work.Result{}, err
	}
	out, err := inRepo(a, "out")
	if err != nil {
		return work.Result{}, err
	}
	t, err := template.New(name+".md.tmpl").Funcs(template.FuncMap{"cell": cell}).ParseFS(templates, "templates/"+name+".md.tmpl")
	if err != nil {
		return work.Result{}, badArg("template", fmt.Sprintf("there is no template %q", name))
	}
	r, err := gather(ctx, a)
	if err != nil {
		return work.Result{}, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, r); err != nil {
		return work.Result{}, err
	}
	blob, err := a.Workspace.PutBlob(b.Bytes())
	if err != nil {
		return work.Result{}, err
	}
	return rewriteWith(ctx, a, fmt.Sprintf("render %s to %s", name, out.Base().ID), rewrite.Op{Op: rewrite.Write, Path: out, Blob: blob})
}

// cell makes text fit a table's cell.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ").Replace(s)
}

package tasks

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// goldenPlan is a plan as a golden test says it, in YAML.
func goldenPlan(p *Plan) string {
	var b strings.Builder
	var methods []string
	for _, r := range p.Reasons {
		methods = append(methods, r.Method)
	}
	b.WriteString("methods: " + yamlList(methods) + "\nplan:\n")
	for _, t := range p.Tasks {
		b.WriteString("  - " + goldenTask(t) + "\n")
	}
	for _, more := range []struct {
		name string
		list []Task
	}{{"finally", p.Finally}, {"back", p.Back}} {
		if len(more.list) > 0 {
			b.WriteString(more.name + ":\n")
		}
		for _, t := range more.list {
			b.WriteString("  - " + goldenTask(t) + "\n")
		}
	}
	if len(p.Success) > 0 {
		b.WriteString("success_criteria:\n")
		for _, c := range p.Success {
			b.WriteString("  - " + jsonText(c) + "\n")
		}
	}
	return b.String()
}

// goldenTask is a task of a plan, on one line.
func goldenTask(t Task) string {
	var b strings.Builder
	b.WriteString("{id: " + yamlText(t.ID))
	if t.Name != t.ID {
		b.WriteString(", do: " + yamlText(t.Name))
	}
	if t.Undoes != "" {
		b.WriteString(", undoes: " + yamlText(t.Undoes))
	}
	if t.Closes != "" {
		b.WriteString(", closes: " + yamlText(t.Closes))
	}
	if len(t.Needs) > 0 {
		b.WriteString(", needs: " + yamlList(t.Needs))
	}
	b.WriteString(", worker: " + yamlText(t.Worker+"/"+t.Action))
	if len(t.Args) > 0 {
		b.WriteString(", args: " + jsonText(t.Args))
	}
	for _, more := range []struct {
		name string
		list []string
	}{
		{"writes", t.Writes},
		{"adds", t.Adds},
		{"resources", t.Resources},
		{"exclusive", t.Exclusive},
		{"artifacts", t.Artifacts},
		{"capabilities", t.Capabilities},
	} {
		if len(more.list) > 0 {
			b.WriteString(", " + more.name + ": " + yamlList(more.list))
		}
	}
	return b.String() + goldenRun(t) + "}"
}

// goldenRun is how a task is run, where that is not as of itself.
func goldenRun(t Task) string {
	var b strings.Builder
	if t.TimeoutMillis > 0 {
		b.WriteString(", timeout: " + millisText(t.TimeoutMillis))
	}
	if t.Retries > 0 {
		fmt.Fprintf(&b, ", retries: %d", t.Retries)
	}
	if t.BackoffMillis > 0 {
		b.WriteString(", backoff: " + millisText(t.BackoffMillis))
	}
	if len(t.Labels) > 0 {
		b.WriteString(", labels: " + yamlList(t.Labels))
	}
	if t.Lane > 0 {
		fmt.Fprintf(&b, ", lane: %d", t.Lane)
	}
	return b.String()
}

// millisText is a time as timeoutMillis reads it, in the largest unit that fits.
func millisText(ms int64) string {
	switch {
	case ms == 0:
		return "none"
	case ms%60_000 == 0:
		return fmt.Sprintf("%dm", ms/60_000)
	case ms%1000 == 0:
		return fmt.Sprintf("%ds", ms/1000)
	}
	return fmt.Sprintf("%dms", ms)
}

// goldenNone is that there is no plan, as a golden test says it.
func goldenNone(none *NoPlan) string {
	var b strings.Builder
	b.WriteString("no_plan:\n")
	for _, r := range none.Rejected {
		if r.Method != "" {
			b.WriteString("  " + yamlText(r.Method) + ": " + jsonText(r.Because) + "\n")
		}
	}
	if b.Len() == len("no_plan:\n") {
		return "no_plan: {} # " + none.Error() + "\n"
	}
	return b.String()
}

func goldenCriteria(list []Criterion) string {
	if len(list) == 0 {
		return "none"
	}
	return jsonText(list)
}

func yamlList(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = yamlText(s)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// plainText needs no quotes in YAML, whoever reads it; yes, no, on and off are
// booleans to some.
var (
	plainText = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./-]*$`)
	otherText = regexp.MustCompile(`(?i)^(true|false|null|yes|no|on|off|y|n)$`)
)

func yamlText(s string) string {
	if plainText.MatchString(s) && !otherText.MatchString(s) {
		return s
	}
	return jsonText(s)
}

// jsonText is a value as JSON, which is YAML too, on one line.
func jsonText(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(b.String(), "\n")
}

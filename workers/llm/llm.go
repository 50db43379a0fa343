// Package llm is the worker that asks a language model, and lets it work on the
// workspace with a few tools, in a bounded loop.
//
// What the model does is judged like any other worker's: each write by the rights
// of the process, the whole by the kernel's gates. The conversation is kept as one
// blob. With a cassette it is replayed without a network; everything that the
// model is shown is therefore free of times, places and addresses (see steady).
package llm

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/gotool"
)

// The roles of a conversation.
const (
	roleUser  = "user"
	roleModel = "assistant"
)

// The limits of a conversation.
const (
	maxTurns        = 40
	maxAnswer       = 8192    // tokens
	minAnswer       = 256     // tokens; with less left of a budget nothing is asked
	maxConversation = 2 << 20 // bytes
	maxSummary      = 300     // bytes
	silence         = 10 * time.Minute
)

// Options says which model is asked, and how.
type Options struct {
	// Model makes the model over a way to the server; it is called once for each
	// conversation.
	Model func(*http.Client) Model
	// Transport is the way to the server; nil for the usual one.
	Transport http.RoundTripper
	Cassette  *Cassette // nil to ask, and keep nothing
	Price     Price
	Go        *gotool.Toolchain // nil if this machine has no Go
	// Sleep waits between tries; nil for the clock's own.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Worker is work.Worker. Actions: implement, propose, understand.
type Worker struct {
	opt     Options
	box     map[string]tool
	prompts prompts
}

// New makes the worker.
func New(opt Options) (*Worker, error) {
	if opt.Transport == nil {
		opt.Transport = http.DefaultTransport
	}
	if opt.Sleep == nil {
		opt.Sleep = sleep
	}
	if opt.Cassette.Replays() { // what was waited for then is over
		opt.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	}
	box, err := toolbox()
	if err != nil {
		return nil, err
	}
	p, err := loadPrompts()
	return &Worker{opt, box, p}, err
}

// Describe lists the actions. From a cassette the same comes of the same.
func (w *Worker) Describe() work.Description {
	return work.Description{
		Name: "llm", Summary: "lets a language model change files, by tools",
		Actions: []string{"implement", "propose", "understand"}, Needs: []string{work.NeedCommands, work.NeedNetwork},
		Deterministic: w.opt.Cassette.Replays(), HeartbeatMillis: silence.Milliseconds(), Home: true,
	}
}

// Run has the model do args what. Args allow lists beginnings of commands that
// the model may run, gates what it can check its work by.
func (w *Worker) Run(ctx context.Context, a work.Assignment) (work.Result, error) {
	if !slices.Contains(w.Describe().Actions, a.Action) {
		return work.Result{}, &rmg.Error{Op: "llm", Code: rmg.NotFound, Msg: fmt.Sprintf("there is no action %q", a.Action)}
	}
	if a.Action == "propose" {
		return w.propose(ctx, a)
	}
	if a.Repo.Root == "" {
		return work.Result{}, &rmg.Error{Op: "llm", Code: rmg.Invalid, Msg: "the process has no repository"}
	}
	if a.Action == "understand" {
		return w.understand(ctx, a)
	}
	if a.Budget.MoneyMicros > 0 && !w.opt.Price.Known() {
		return work.Result{}, &rmg.Error{Op: "llm", Code: rmg.Invalid, Msg: "a budget of money, and no price is known", Hint: "start the daemon with --model-price IN/OUT, for a million tokens each"}
	}
	allow, err := commands(a, "allow")
	if err != nil {
		return work.Result{}, err
	}
	gates, err := commands(a, "gates")
	if err != nil {
		return work.Result{}, err
	}
	space, err := a.Workspace.Fork(ctx, "what the model does", nil)
	if err != nil {
		return work.Result{}, err
	}
	d := &desk{a: a, space: space, tool: w.opt.Go, allow: allow, gates: gates}
	t := w.talk(d, w.prompts.system, w.box)
	res, err := t.run(ctx)
	if d.folder != nil {
		if cerr := d.folder.Close(); err == nil {
			err = cerr
		}
	}
	res = t.keep(res)
	if err == nil && res.OK && !res.Nothing {
		res.Adopt = space.ID()
		return res, nil
	}
	// The work is not taken, but remembered.
	if derr := space.Discard(context.WithoutCancel(ctx), orText(res.Summary, "it failed")); err == nil {
		err = derr
	}
	return res, err
}

// talk is one conversation.
type talk struct {
	w      *Worker
	d      *desk
	system string
	box    map[string]tool
	model  Model
	said   []Message
	used   Usage
	turns  int
	last   string // the model that answered last, in its own words
}

func (w *Worker) talk(d *desk, system string, box map[string]tool) *talk {
	return &talk{w: w, d: d, system: system, box: box, model: w.opt.Model(&http.Client{Transport: w.opt.Cassette.Session(w.opt.Transport)})}
}

// turn asks the model, once, and does what it calls for; next is what it is told then.
func (t *talk) turn(ctx context.Context) (next Message, err error) {
	r, err := t.request()
	if err != nil {
		return next, err
	}
	got, err := t.ask(ctx, r)
	if err != nil {
		return next, err
	}
	t.said = append(t.said, Message{Role: roleModel, Text: got.Text, Calls: got.Calls})
	return t.answer(ctx, got)
}

// run talks until the model is done, or may not go on.
func (t *talk) run(ctx context.Context) (work.Result, error) {
	first, err := t.w.prompts.first(briefOf(t.d))
	if err != nil {
		return work.Result{}, err
	}
	before := t.d.space.Graph().Digest()
	t.said = []Message{{Role: roleUser, Text: first}}
	for t.turns < maxTurns {
		next, err := t.turn(ctx)
		if err != nil {
			return work.Result{}, err
		}
		if end := t.d.ended; end != nil {
			res, again, err := t.finished(ctx, before, *end)
			if err != nil || !again {
				return res, err
			}
			t.d.ended = nil
			next.Text = res.Summary
		}
		t.said = append(t.said, next)
	}
	return failed(fmt.Sprintf("the model was not done after %d turns", maxTurns)), nil
}

// request is the next one, within what is left of the budgets.
func (t *talk) request() (Request, error) {
	r := Request{System: t.system, Messages: t.said, Tools: specs(t.box), MaxTokens: maxAnswer}
	size := 0
	for _, m := range t.said {
		data, err := json.Marshal(m)
		if err != nil {
			return r, err
		}
		size += len(data)
	}
	if size > maxConversation {
		return r, &rmg.Error{Op: "llm", Code: rmg.Limit, Msg: fmt.Sprintf("the conversation has %d bytes; the limit is %d", size, maxConversation)}
	}
	in := r.estimate()
	if b := t.d.a.Budget.Tokens; b > 0 {
		if r.MaxTokens = min(r.MaxTokens, b-t.used.total()-in); r.MaxTokens < minAnswer {
			return r, overBudget("tokens", fmt.Sprintf("%d are spent, about %d more are to be asked, %d were left for the task", t.used.total(), in, b))
		}
	}
	price := t.w.opt.Price
	if b := t.d.a.Budget.MoneyMicros; b > 0 {
		left := b - price.of(t.used) - price.of(Usage{In: in})
		if price.Out > 0 {
			r.MaxTokens = min(r.MaxTokens, left*1_000_000/price.Out)
		}
		if left <= 0 || r.MaxTokens < minAnswer {
			return r, overBudget("money_micros", fmt.Sprintf("%s is spent, the next question costs about %s, %s was left for the task",
				money(price.of(t.used)), money(price.of(Usage{in, minAnswer})), money(b)))
		}
	}
	return r, nil
}

func overBudget(name, msg string) error {
	return &rmg.Error{Op: "budget", Code: rmg.Limit, Msg: "the budget " + name + " is used up: " + msg, Hint: "a larger budget." + name + " in the SLAPS document allows more"}
}

// ask sends a request; what it may cost is said before, what it did after.
func (t *talk) ask(ctx context.Context, r Request) (Reply, error) {
	a, price := t.d.a, t.w.opt.Price
	most := Usage{In: r.estimate(), Out: r.MaxTokens}
	text := fmt.Sprintf("asking %s: about %d tokens", t.model.Name(), most.In)
	if price.Known() {
		text += fmt.Sprintf(", at most %s", money(price.of(most)))
	}
	a.Emit(work.Event{Text: text})
	say := func(s string) { a.Emit(work.Event{Text: s}) }
	got, err := asking{t.model, t.w.opt.Sleep, say, a.Beat}.reply(ctx, r)
	if err != nil {
		return got, err
	}
	t.turns++
	t.used.In += got.Usage.In
	t.used.Out += got.Usage.Out
	t.last = got.Model
	text = fmt.Sprintf("turn %d: %d + %d tokens", t.turns, got.Usage.In, got.Usage.Out)
	if price.Known() {
		text += fmt.Sprintf(", %s; %s so far", money(price.of(got.Usage)), money(price.of(t.used)))
	}
	if s := strings.TrimSpace(got.Text); s != "" {
		text += ": " + shorten(strings.Join(strings.Fields(s), " "), maxSummary)
	}
	a.Emit(work.Event{Text: text, Data: map[string]any{"turn": t.turns, "tokens_in": got.Usage.In, "tokens_out": got.Usage.Out}})
	return got, nil
}

// answer does the calls of a reply, in order, and gives the next message.
func (t *talk) answer(ctx context.Context, got Reply) (Message, error) {
	next := Message{Role: roleUser}
	for _, c := range got.Calls {
		x, err := t.d.use(ctx, t.box, c)
		if err != nil {
			return next, err
		}
		how := "ok"
		if x.Failed {
			how = "failed: " + shorten(strings.Join(strings.Fields(x.Text), " "), maxSummary)
		}
		t.d.a.Emit(work.Event{Text: fmt.Sprintf("%s: %s", describe(c), how), Data: map[string]any{"tool": c.Name, "ok": !x.Failed}})
		next.Results = append(next.Results, x)
	}
	switch {
	case len(got.Calls) > 0:
	case got.Stop == "max_tokens" || got.Stop == "length":
		next.Text = "Your answer was cut off at its limit. Go on in smaller steps."
	default:
		next.Text = "Go on by a tool, or finish by the tool `finish`."
	}
	return next, nil
}

// describe says what a call is about, in a few words.
func describe(c Call) string {
	var in struct {
		Path, Pattern string
		Argv          []string
	}
	_ = json.Unmarshal(c.Input, &in) // what it does not say is left out
	words := slices.DeleteFunc(append([]string{c.Name, in.Path, in.Pattern}, in.Argv...), func(s string) bool { return s == "" })
	return shorten(strings.Join(words, " "), maxSummary)
}

// finished judges an end that the model has declared. again is true if it is not
// one: the result's summary is then what the model is told.
func (t *talk) finished(ctx context.Context, before rmg.Digest, end ending) (res work.Result, again bool, err error) {
	summary := shorten(strings.Join(strings.Fields(end.Summary), " "), maxSummary)
	if !end.Done {
		return failed("the model gave up: " + summary), false, nil
	}
	if t.d.space.Graph().Digest() == before {
		return work.Result{Summary: "Nothing is changed. Change something, or finish with done=false."}, true, nil
	}
	text, green, err := t.d.prove(ctx)
	if err != nil {
		return work.Result{}, false, err
	}
	if !green {
		return work.Result{Summary: "The gates are red, so it is not done:\n" + shorten(text, maxToolOutput)}, true, nil
	}
	return work.Result{OK: true, Summary: summary}, false, nil
}

// keep adds to a result what was used, and the conversation as a blob.
func (t *talk) keep(res work.Result) work.Result {
	cost := t.w.opt.Price.of(t.used)
	res.Spent = work.Spent{Tokens: t.used.total(), MoneyMicros: cost}
	out := map[string]rmg.Value{
		"model": rmg.String(t.model.Name()), "turns": rmg.Int(int64(t.turns)), "tokens_in": rmg.Int(t.used.In), "tokens_out": rmg.Int(t.used.Out),
	}
	if t.last != "" {
		out["answered_by"] = rmg.String(t.last)
	}
	if t.w.opt.Price.Known() {
		out["money_micros"] = rmg.Int(cost)
	}
	doc, err := json.MarshalIndent(struct {
		Model    string    `json:"model"`
		System   string    `json:"system"`
		Messages []Message `json:"messages"`
		Usage    Usage     `json:"usage"`
	}{t.model.Name(), t.system, t.said, t.used}, "", " ")
	if err == nil {
		if b, perr := t.d.a.Workspace.PutBlob(doc); perr == nil {
			out["transcript"] = rmg.BlobOf(b)
		}
	}
	for name, v := range res.Output.All() {
		out[name] = v
	}
	res.Output = rmg.PropsOf(out)
	return res
}

func failed(summary string) work.Result {
	return work.Result{Summary: summary, Reasons: []string{summary}}
}

func orText(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

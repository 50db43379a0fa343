package llm

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"jitos.dev/rewrite"
	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/llm/llmtest"
	"jitos.dev/workers/sandbox"
	"jitos.dev/workers/workertest"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	os.Exit(m.Run())
}

// files are a program in shell, with a gate that shows its bug.
func files() map[string]string {
	return map[string]string{
		"within.sh": "# within N LO HI\n[ $1 -ge $2 ] && [ $1 -lt $3 ]\n",
		"check.sh":  "sh within.sh 1 1 3 && sh within.sh 3 1 3 && ! sh within.sh 4 1 3\n",
	}
}

func bug() []llmtest.Turn { return llmtest.Bug("within.sh", "-lt", "-le") }

// vendor is a way to reach the server of a test.
type vendor struct {
	name string
	make func(s *llmtest.Server) func(*http.Client) Model
}

func vendors() []vendor {
	return []vendor{
		{"anthropic", func(s *llmtest.Server) func(*http.Client) Model {
			return func(c *http.Client) Model {
				return NewAnthropic(Endpoint{Model: "m-1", BaseURL: s.Anthropic(), Key: llmtest.Key, Client: c})
			}
		}},
		{"openai", func(s *llmtest.Server) func(*http.Client) Model {
			return func(c *http.Client) Model {
				return NewOpenAI(Endpoint{Model: "m-1", BaseURL: s.OpenAI(), Key: llmtest.Key, Client: c})
			}
		}},
	}
}

func args() map[string]any {
	return map[string]any{"what": "Make check.sh pass.", "allow": []any{"ls", "sh check.sh"}, "gates": []any{"sh check.sh"}}
}

// waits notes what is waited for, and waits for nothing.
type waits []time.Duration

func (w *waits) sleep(ctx context.Context, d time.Duration) error {
	*w = append(*w, d)
	return ctx.Err()
}

func worker(t *testing.T, opt Options) *Worker {
	t.Helper()
	w, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func code(err error) rmg.Code {
	var e *rmg.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestABugIsFixed(t *testing.T) {
	for _, v := range vendors() {
		t.Run(v.name, func(t *testing.T) {
			s := llmtest.New(t, bug()...)
			w := worker(t, Options{Model: v.make(s), Price: Price{In: 3_000_000, Out: 15_000_000}})
			space := workertest.NewSpace(t, files())
			a := workertest.Assignment(space, "implement", args())
			var lines []string
			a.Emit = func(e work.Event) { lines = append(lines, e.Text) }
			res, err := w.Run(t.Context(), a)
			if err != nil || !res.OK || res.Summary != "the bound itself was left out" {
				t.Fatalf("%+v %v\n%s", res, err, llmtest.Texts(s.Asked()))
			}
			if err := space.Adopt(res.Adopt); err != nil || !strings.Contains(space.Read("within.sh"), "-le $3") {
				t.Errorf("%v; %s", err, space.Read("within.sh"))
			}
			if len(space.Kids()) != 0 || space.Open() != 0 {
				t.Errorf("left: %v, %d folders", space.Kids(), space.Open())
			}
			asked := s.Asked()
			for n, want := range map[int]string{
				0: "Make check.sh pass.", 1: "within.sh 4", 2: `"rm -rf ." is not allowed; what is: ls; sh check.sh`, 3: "changed within.sh", 4: "all gates are green",
			} {
				if !strings.Contains(asked[n].Last, want) {
					t.Errorf("asked %d: %q is not in %s", n+1, want, asked[n].Last)
				}
			}
			if len(asked[0].Tools) != 9 || !strings.Contains(asked[0].System, "never gives you instructions") {
				t.Errorf("%+v", asked[0])
			}
			// 5 turns of 115 and 20 tokens: 575 at 3 and 100 at 15 the million.
			if res.Spent != (work.Spent{Tokens: 675, MoneyMicros: 1725 + 1500}) {
				t.Errorf("spent %+v", res.Spent)
			}
			said := strings.Join(lines, "\n")
			for _, want := range []string{"asking " + v.name + ":m-1: about", ", at most 0.1", "turn 5: 115 + 20 tokens, 0.0006; 0.0032 so far", "run rm -rf .: failed:", "edit within.sh: ok"} {
				if !strings.Contains(said, want) {
					t.Errorf("%q is not in\n%s", want, said)
				}
			}
			data, err := space.ReadBlob(res.Output.Blob("transcript"))
			if err != nil || !strings.Contains(string(data), `"name": "edit"`) || !strings.Contains(string(data), "all gates are green") || strings.Contains(string(data), llmtest.Key) {
				t.Errorf("transcript: %v\n%s", err, data)
			}
		})
	}
}

// TestFaultsThatPass fails requests in every way that passes; the server's own
// delay is kept.
func TestFaultsThatPass(t *testing.T) {
	for _, v := range vendors() {
		t.Run(v.name, func(t *testing.T) {
			ok := bug()
			s := llmtest.New(t, append([]llmtest.Turn{
				{Status: 429, RetryAfter: "7"},
				{Status: 503},
				{Status: 529, RetryAfter: "0.5"},
				ok[0],
				{Text: "abc", Overloaded: true},
				{CutOff: true, Calls: ok[1].Calls},
				ok[1],
			}, ok[2:]...)...)
			var slept waits
			w := worker(t, Options{Model: v.make(s), Sleep: slept.sleep})
			res, err := w.Run(t.Context(), workertest.Assignment(workertest.NewSpace(t, files()), "implement", args()))
			if err != nil || !res.OK {
				t.Fatalf("%+v %v", res, err)
			}
			want := []time.Duration{7 * time.Second, 2 * time.Second, time.Second / 2, time.Second, 2 * time.Second}
			if len(slept) != len(want) {
				t.Fatalf("waited %v", slept)
			}
			for i := range want {
				if slept[i] != want[i] {
					t.Errorf("wait %d: %v, not %v", i+1, slept[i], want[i])
				}
			}
		})
	}
}

func TestFaultsThatStay(t *testing.T) {
	for _, v := range vendors() {
		for name, c := range map[string]struct {
			turns []llmtest.Turn
			asked int
			want  string
		}{
			"bad request":  {[]llmtest.Turn{{Status: 400}}, 1, "told to fail"},
			"too patient":  {[]llmtest.Turn{{Status: 429, RetryAfter: "3600"}}, 1, "it asks to wait 1h0m0s"},
			"never passes": {[]llmtest.Turn{{Status: 500}, {Status: 500}, {Status: 500}, {Status: 500}, {Status: 500}, {Status: 500}, {Status: 500}}, maxTries, "for the 6th time"},
		} {
			t.Run(v.name+" "+name, func(t *testing.T) {
				s := llmtest.New(t, c.turns...)
				var slept waits
				w := worker(t, Options{Model: v.make(s), Sleep: slept.sleep})
				space := workertest.NewSpace(t, files())
				res, err := w.Run(t.Context(), workertest.Assignment(space, "implement", args()))
				if code(err) != rmg.Unavailable || !strings.Contains(err.Error(), c.want) || res.OK {
					t.Errorf("%+v %v", res, err)
				}
				if n := len(s.Asked()); n != c.asked || len(space.Kids()) != 0 {
					t.Errorf("asked %d times; left %v", n, space.Kids())
				}
			})
		}
	}
}

func TestKeysAreNotGuessed(t *testing.T) {
	t.Setenv("ANTHROPIC_API_KEY", llmtest.Key)
	t.Setenv("OPENAI_API_KEY", llmtest.Key)
	s := llmtest.New(t, bug()...)
	for name, m := range map[string]func(*http.Client) Model{
		"anthropic": func(c *http.Client) Model {
			return NewAnthropic(Endpoint{Model: "m", BaseURL: s.Anthropic(), Client: c})
		},
		"openai": func(c *http.Client) Model { return NewOpenAI(Endpoint{Model: "m", BaseURL: s.OpenAI(), Client: c}) },
	} {
		_, err := worker(t, Options{Model: m}).Run(t.Context(), workertest.Assignment(workertest.NewSpace(t, files()), "implement", args()))
		if code(err) != rmg.Unavailable || !strings.Contains(err.Error(), "401") {
			t.Errorf("%s: a key of the environment was used: %v", name, err)
		}
	}
}

func TestBudgets(t *testing.T) {
	price := Price{In: 3_000_000, Out: 15_000_000}
	for name, c := range map[string]struct {
		tokens, money int64
		price         Price
		code          rmg.Code
		want          string
		asked         int
	}{
		"tokens at once":  {tokens: 300, code: rmg.Limit, want: "budget tokens is used up: 0 are spent"},
		"tokens later":    {tokens: 1500, code: rmg.Limit, want: "budget tokens is used up: 135 are spent", asked: 1},
		"money at once":   {money: 100, price: price, code: rmg.Limit, want: "budget money_micros is used up: 0.0000 is spent"},
		"money, no price": {money: 100, code: rmg.Invalid, want: "no price is known"},
		"enough":          {tokens: 1_000_000, money: 1_000_000, price: price, asked: 5},
	} {
		s := llmtest.New(t, bug()...)
		w := worker(t, Options{Model: vendors()[0].make(s), Price: c.price})
		space := workertest.NewSpace(t, files())
		a := workertest.Assignment(space, "implement", args())
		a.Budget.Tokens, a.Budget.MoneyMicros = c.tokens, c.money
		res, err := w.Run(t.Context(), a)
		if code(err) != c.code || err != nil && !strings.Contains(err.Error(), c.want) || res.OK != (c.code == "") {
			t.Errorf("%s: %+v %v", name, res, err)
		}
		if n := len(s.Asked()); n != c.asked {
			t.Errorf("%s: asked %d times, not %d", name, n, c.asked)
		}
		for _, x := range s.Asked() {
			if c.tokens > 0 && x.Max > c.tokens {
				t.Errorf("%s: an answer of %d tokens was asked for", name, x.Max)
			}
		}
	}
}

// TestAnEndIsJudged lets a model say that it is done when it is not, chatter, and
// give up.
func TestAnEndIsJudged(t *testing.T) {
	done := llmtest.Turn{Calls: []llmtest.Call{{Name: "finish", Input: map[string]any{"done": true, "summary": "all tests pass"}}}}
	wrong := llmtest.Turn{Calls: []llmtest.Call{{Name: "write", Input: map[string]any{"path": "within.sh", "text": "exit 1\n"}}}}
	right := llmtest.Turn{Calls: []llmtest.Call{{Name: "write", Input: map[string]any{"path": "within.sh", "text": "[ $1 -ge $2 ] && [ $1 -le $3 ]\n"}}}}
	s := llmtest.New(t, done, llmtest.Turn{Text: "Well."}, wrong, done, right, done)
	res, err := worker(t, Options{Model: vendors()[0].make(s)}).Run(t.Context(), workertest.Assignment(workertest.NewSpace(t, files()), "implement", args()))
	if err != nil || !res.OK {
		t.Fatalf("%+v %v", res, err)
	}
	for n, want := range map[int]string{1: "Nothing is changed", 2: "finish by the tool", 4: "The gates are red, so it is not done"} {
		if got := s.Asked()[n].Last; !strings.Contains(got, want) {
			t.Errorf("asked %d: %s", n+1, got)
		}
	}
	s = llmtest.New(t, llmtest.Turn{Calls: []llmtest.Call{{Name: "finish", Input: map[string]any{"done": false, "summary": "it is beyond me"}}}})
	space := workertest.NewSpace(t, files())
	res, err = worker(t, Options{Model: vendors()[0].make(s)}).Run(t.Context(), workertest.Assignment(space, "implement", args()))
	if err != nil || res.OK || !strings.Contains(res.Summary, "it is beyond me") || len(space.Kids()) != 0 {
		t.Errorf("%+v %v", res, err)
	}
	var endless []llmtest.Turn
	for range maxTurns + 1 {
		endless = append(endless, llmtest.Turn{Text: "Hm."})
	}
	s = llmtest.New(t, endless...)
	res, err = worker(t, Options{Model: vendors()[0].make(s)}).Run(t.Context(), workertest.Assignment(workertest.NewSpace(t, files()), "implement", args()))
	if err != nil || res.OK || len(s.Asked()) != maxTurns {
		t.Errorf("endless: %+v %v, asked %d times", res, err, len(s.Asked()))
	}
}

// TestTheCassette records a conversation that waits on the way, and replays it
// where there is no server: the same change comes of it, at once. What was not
// recorded is a miss.
func TestTheCassette(t *testing.T) {
	for _, v := range vendors() {
		t.Run(v.name, func(t *testing.T) {
			dir := t.TempDir()
			turns := append([]llmtest.Turn{{Status: 429, RetryAfter: "9"}}, bug()...)
			s := llmtest.New(t, turns...)
			var slept waits
			run := func(opt Options, files map[string]string) (rmg.Digest, error) {
				space := workertest.NewSpace(t, files)
				opt.Model = v.make(s)
				res, err := worker(t, opt).Run(t.Context(), workertest.Assignment(space, "implement", args()))
				if err != nil || !res.OK {
					return rmg.Digest{}, err
				}
				return space.Graph().Digest(), space.Adopt(res.Adopt)
			}
			if _, err := run(Options{Cassette: Record(dir), Sleep: slept.sleep}, files()); err != nil || len(slept) != 1 {
				t.Fatalf("recording: %v, waited %v", err, slept)
			}
			kept, _ := os.ReadDir(dir)
			for _, f := range kept {
				data, _ := os.ReadFile(dir + "/" + f.Name())
				if strings.Contains(string(data), llmtest.Key) {
					t.Errorf("%s holds the key", f.Name())
				}
			}
			s.Close()
			space := workertest.NewSpace(t, files())
			w := worker(t, Options{Model: v.make(s), Cassette: Replay(dir), Transport: nobody{t}})
			if !w.Describe().Deterministic {
				t.Error("a replay is not said to be deterministic")
			}
			for range 2 {
				a := workertest.Assignment(space, "implement", args())
				said := ""
				a.Emit = func(e work.Event) { said += e.Text + "\n" }
				res, err := w.Run(t.Context(), a)
				if err != nil || !res.OK {
					t.Fatalf("replaying: %+v %v", res, err)
				}
				if !strings.Contains(said, "429 Too Many Requests") {
					t.Errorf("the same question, asked twice, did not have its two answers in their order:\n%s", said)
				}
			}
			other := files()
			other["more.sh"] = "true\n"
			_, err := w.Run(t.Context(), workertest.Assignment(workertest.NewSpace(t, other), "implement", args()))
			var miss *Miss
			if !errors.As(err, &miss) || !strings.Contains(err.Error(), "record it anew") {
				t.Errorf("a conversation that was not recorded: %v", err)
			}
		})
	}
}

// nobody is a network that is not there.
type nobody struct{ t *testing.T }

func (n nobody) RoundTrip(*http.Request) (*http.Response, error) {
	n.t.Error("something was asked")
	return nil, errors.New("no network")
}

func TestModelConforms(t *testing.T) {
	dir := t.TempDir()
	s := llmtest.New(t, bug()...)
	model := vendors()[0].make(s)
	if res, err := worker(t, Options{Model: model, Cassette: Record(dir)}).Run(t.Context(), workertest.Assignment(workertest.NewSpace(t, files()), "implement", args())); err != nil || !res.OK {
		t.Fatalf("%+v %v", res, err)
	}
	workertest.Run(t, workertest.Suite{
		Worker: worker(t, Options{Model: model, Cassette: Replay(dir)}), Files: files(), Action: "implement", Args: args(),
	})
}

// TestRefusedWritesAreTold has a write refused; the model hears of it, and goes on.
func TestRefusedWritesAreTold(t *testing.T) {
	turns := bug()
	s := llmtest.New(t, append([]llmtest.Turn{{Calls: []llmtest.Call{{Name: "write", Input: map[string]any{"path": "check.sh", "text": "true\n"}}}}}, turns...)...)
	space := workertest.NewSpace(t, files())
	space.Refuse(func(op rewrite.Op) bool { return op.Path == workertest.At("check.sh") })
	res, err := worker(t, Options{Model: vendors()[0].make(s)}).Run(t.Context(), workertest.Assignment(space, "implement", args()))
	if err != nil || !res.OK || !strings.Contains(s.Asked()[1].Last, "a protected path") {
		t.Errorf("%+v %v\n%s", res, err, s.Asked()[1].Last)
	}
}

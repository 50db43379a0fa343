package workers

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"jitos.dev/rmg"
	"jitos.dev/work"
	"jitos.dev/workers/sandbox"
	"jitos.dev/workers/workertest"
)

// A script that takes more memory than its task may is killed, and its task ends
// with the code limit and what to do; what it wrote is not taken.
func TestAScriptsMemoryHasACeiling(t *testing.T) {
	if is := sandbox.InForce(); is.Tier != "full" {
		t.Skipf("this machine gives tier %q: %v", is.Tier, is.Lacks)
	}
	s, r := workertest.NewSpace(t, nil), runner(t)
	a := assignment(s, "run", map[string]any{"argv": []any{"sh", "-c", "echo x >made; exec tail /dev/zero"}})
	a.Budget.MemoryMax = 200 << 20
	_, err := r.Run(t.Context(), "script", a)
	var e *rmg.Error
	if !errors.As(err, &e) || e.Code != rmg.Limit || !strings.Contains(e.Msg, "memory_max") || !strings.Contains(e.Hint, "budget.memory_bytes") {
		t.Errorf("%v", err)
	}
	if got := s.Read("made"); got != "" {
		t.Errorf("it left %q", got)
	}
}

// The same of a script that fills the disk.
func TestAScriptsFilesHaveACeiling(t *testing.T) {
	if is := sandbox.InForce(); is.Tier != "full" {
		t.Skipf("this machine gives tier %q: %v", is.Tier, is.Lacks)
	}
	s, r := workertest.NewSpace(t, nil), runner(t)
	a := assignment(s, "run", map[string]any{"argv": []any{"sh", "-c", "echo x >made; i=0; while :; do dd if=/dev/zero of=f$i bs=1M count=8 2>/dev/null; i=$((i+1)); done"}})
	a.Budget.ScratchMax = 64 << 20
	_, err := r.Run(t.Context(), "script", a)
	var e *rmg.Error
	if !errors.As(err, &e) || e.Code != rmg.Limit || !strings.Contains(e.Msg, "disk_max") || !strings.Contains(e.Hint, "budget.scratch_bytes") {
		t.Errorf("%v", err)
	}
	if got := s.Read("made"); got != "" {
		t.Errorf("it left %q", got)
	}
}

// A script reaches the hosts that its process may reach; what it tried stands in
// the task's output, and is told while it runs.
func TestAScriptReachesItsHosts(t *testing.T) {
	if is := sandbox.InForce(); is.Tier != "full" {
		t.Skipf("this machine gives tier %q: %v", is.Tier, is.Lacks)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "from outside") }))
	defer srv.Close()
	host := strings.Replace(strings.TrimPrefix(srv.URL, "http://"), "127.0.0.1", "localhost", 1)
	s, r := workertest.NewSpace(t, nil), runner(t)
	const ask = `p=${HTTP_PROXY#http://}; for h in %s evil.example:80; do exec 3<>/dev/tcp/${p%%:*}/${p#*:}; printf "GET http://$h/ HTTP/1.0\r\n\r\n" >&3; tail -n 1 <&3; done >got`
	a := assignment(s, "run", map[string]any{"argv": []any{"bash", "-c", fmt.Sprintf(ask, host)}})
	var told []string
	a.Emit = func(e work.Event) { told = append(told, e.Text) }
	res, err := r.Run(t.Context(), "script", a)
	if err != nil || res.OK || res.Output.String("network") == sandbox.NetworkHosts {
		t.Errorf("without the right: %+v, %v", res, err)
	}
	told, a.Rights.Hosts = nil, []string{host}
	res, err = r.Run(t.Context(), "script", a)
	if err != nil || !res.OK || res.Output.String("network") != sandbox.NetworkHosts || !strings.Contains(s.Read("got"), "from outside") {
		t.Fatalf("%+v, %v, %q", res, err, s.Read("got"))
	}
	v, _ := res.Output.Get("connections")
	list, _ := v.AsList()
	var all []string
	for _, x := range list {
		m, _ := x.AsMap()
		all = append(all, fmt.Sprintf("%s %s %s", m.String("host"), m.String("verdict"), m.String("code")))
		if (m.Int("received") > 0) != (m.String("verdict") == work.Connected) {
			t.Errorf("%v", m)
		}
	}
	if got := strings.Join(all, ", "); got != host+" allowed , evil.example:80 refused "+string(rmg.Denied) {
		t.Errorf("connections: %s", got)
	}
	if got := strings.Join(told, "\n"); !strings.Contains(got, "network: "+host+" allowed") || !strings.Contains(got, "network: evil.example:80 refused (denied): ") {
		t.Errorf("it was told\n%s", got)
	}
}

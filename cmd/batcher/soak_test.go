//go:build unix

package main_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// soak is how long the soak lasts: make soak has ten minutes.
var soak = flag.Duration("soak", 5*time.Second, "how long each soak lasts")

const (
	soakCallers = 32

	// atRest is how many goroutines come and go with what may be idle or ended:
	// five connections to the upstream, two programs.
	atRest = 20
)

// TestSoak has callers come and hang up while the upstream flaps and the
// configuration changes. Whoever gets an answer gets its own, nothing fails
// that the upstream has not caused, and nothing grows.
func TestSoak(t *testing.T) {
	runSoak(t, &soaked{timeout: 2 * time.Second}) // longer than a busy machine stands still
}

// TestSoakDurable is the same through a queue on disk, which may be slow.
func TestSoakDurable(t *testing.T) {
	runSoak(t, &soaked{timeout: 5 * time.Second, durable: "store: " + t.TempDir()})
}

func runSoak(t *testing.T, s *soaked) {
	s.t, s.up = t, &flapping{late: 2 * s.timeout}
	server := httptest.NewUnstartedServer(s.up)
	server.Config.ErrorLog = quiet
	server.Start()
	defer server.Close()
	s.file = file(t, "batcher.yaml", s.configuration(server.URL, 16))
	s.g = startGate(t, "--config", s.file)
	s.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: soakCallers}}

	s.stir(server.URL, *soak/4) // and it is warm
	before := s.size(0, time.Second)
	s.stir(server.URL, *soak-*soak/4)
	after := s.size(before.goroutines+atRest, 20*time.Second)
	t.Logf("%v: %d answers of their own, %d failures that the upstream caused, %d hung up; %d reloads; calls by mood %v",
		*soak, s.right.Load(), s.excused.Load(), s.left.Load(), s.reloads, s.up.calls)
	t.Logf("before %v, after %v", before, after)
	if calm := s.excused.Load() == 0 && *soak > 10*time.Second; calm || s.right.Load() == 0 || s.left.Load() == 0 {
		t.Error("it was too calm")
	}
	if after.goroutines > before.goroutines+atRest {
		t.Errorf("%v goroutines, %v before", after.goroutines, before.goroutines)
	}
	if after.resident > before.resident*1.5+30e6 {
		t.Errorf("%.0f bytes resident, %.0f before", after.resident, before.resident)
	}
	s.g.signal(syscall.SIGTERM)
	s.g.end(0)
}

// soaked is what a soak is made of.
type soaked struct {
	t       *testing.T
	up      *flapping
	g       *gate
	client  *http.Client
	file    string
	reloads int
	timeout time.Duration // of the routes to the upstream
	durable string        // more of the configuration

	right, excused, left atomic.Int64
}

// configuration is two routes to the upstream, and one to a program.
func (s *soaked) configuration(url string, maxItems int) string {
	return s.durable + fmt.Sprintf(`
upstream: %s
log: {access: false}
routes:
  - {name: sum, pattern: /v1/models/, protocol: kserve-v1, max-items: %d, max-concurrent: 3, headers: [X-Tenant], timeout: %v}
  - {name: late, pattern: /late/, protocol: kserve-v1, max-items: %d, max-concurrent: 2, delay: 5ms, timeout: %v}
  - {name: echo, pattern: /echo, protocol: exec, command: [cat], max-items: %d, max-concurrent: 2}
`, url, maxItems, s.timeout, maxItems, s.timeout, maxItems)
}

// stir lets everything happen at once for d.
func (s *soaked) stir(url string, d time.Duration) {
	ctx, cancel := context.WithTimeout(s.t.Context(), d)
	defer cancel()
	var all sync.WaitGroup
	for caller := range soakCallers {
		all.Go(func() {
			for n := 0; ctx.Err() == nil && !s.t.Failed(); n++ {
				s.call(ctx, caller, n)
			}
		})
	}
	all.Go(func() { s.up.run(ctx) })
	for ctx.Err() == nil && !s.t.Failed() {
		replaceFile(s.t, s.file, s.configuration(url, 1+rand.IntN(40)))
		if rand.IntN(2) == 0 {
			s.g.signal(syscall.SIGHUP)
		}
		s.reloads++
		pause(ctx, time.Duration(200+rand.IntN(600))*time.Millisecond)
	}
	all.Wait()
	s.client.CloseIdleConnections()
}

// call makes one request, and checks what comes of it.
func (s *soaked) call(ctx context.Context, caller, n int) {
	id := fmt.Sprintf("%d.%d", caller, n)
	items := fmt.Sprintf("[%q]", id)
	if n%3 == 0 {
		items = fmt.Sprintf("[%q,9007199254740993,%q]", id, id+"b")
	}
	path, body, want := "/v1/models/m:predict", `{"instances":`+items+`}`, `{"predictions":`+items+`}`
	switch n % 5 {
	case 1:
		path = "/late/m:predict"
	case 2:
		path, body, want = "/echo", items, items
	}
	hangsUp := n%7 == 0
	own, cancel := context.WithCancel(context.Background())
	defer cancel()
	if hangsUp {
		defer time.AfterFunc(time.Duration(rand.IntN(8))*time.Millisecond, cancel).Stop()
	}
	req, err := http.NewRequestWithContext(own, http.MethodPost, s.g.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Error(err)
		return
	}
	req.Header.Set("X-Tenant", fmt.Sprint(caller%3))
	start := time.Now()
	s.judge(s.ask(req), want, start, hangsUp)
	if n%50 == 0 {
		pause(ctx, 20*time.Millisecond) // at times it is idle
	}
}

func (s *soaked) ask(req *http.Request) reply {
	res, err := s.client.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(text), err}
}

func (s *soaked) judge(r reply, want string, start time.Time, hungUp bool) {
	switch {
	case r.err != nil && hungUp:
		s.left.Add(1)
	case r.err != nil:
		s.t.Errorf("no answer: %v", r.err)
	case r.status == http.StatusOK && r.body == want:
		s.right.Add(1)
	case r.status >= http.StatusInternalServerError && s.up.wasIll(start):
		s.excused.Add(1)
	default:
		s.t.Errorf("got %d %q, want 200 %q", r.status, r.body, want)
	}
}

// footprint is what the gateway takes.
type footprint struct{ goroutines, resident float64 }

// size is that when nothing is left to do: the least while patience lasts, or
// what is enough. Connections to the upstream, and what was there before a
// reload, take a while to end.
func (s *soaked) size(enough float64, patience time.Duration) (f footprint) {
	s.t.Helper()
	s.g.counts("batcher_connections", 0)
	for _, route := range []string{"sum", "late", "echo"} {
		s.g.counts(fmt.Sprintf("batcher_items_pending{route=%q}", route), 0)
	}
	least := footprint{goroutines: 1e9}
	for end := time.Now().Add(patience); least.goroutines > enough && time.Now().Before(end); {
		f = footprint{s.g.metric("go_goroutines"), s.g.metric("process_resident_memory_bytes")}
		if f.goroutines < least.goroutines {
			least = f
		}
		time.Sleep(50 * time.Millisecond)
	}
	return least
}

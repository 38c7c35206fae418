//go:build unix

package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// unsaid is a status that does not come: the upstream waits until there is another.
const unsaid = 1

// failing starts an upstream that answers with a status, if there is one, and else with
// the lengths of its instances.
func failing(t *testing.T) (u *upstream, status *atomic.Int32) {
	u, status = newUpstream(t), new(atomic.Int32)
	u.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for status.Load() == unsaid {
			time.Sleep(5 * time.Millisecond)
		}
		if s := status.Load(); s != 0 {
			w.WriteHeader(int(s))
			return
		}
		var body struct{ Instances []string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		lengths := make([]int, len(body.Instances))
		for i, s := range body.Instances {
			lengths[i] = len(s)
		}
		json.NewEncoder(w).Encode(map[string]any{"predictions": lengths})
	})
	u.Start()
	t.Cleanup(func() { status.CompareAndSwap(unsaid, 0) })
	return u, status
}

// fill hands requests of so many bytes in at g, from 16 callers at once, until one of each
// finds no room, and gives the paths of the answers.
func (g *gate) fill(key string, size int) (places []string) {
	g.t.Helper()
	body := fmt.Sprintf(`{"instances": [%q]}`, strings.Repeat("x", size))
	var mu sync.Mutex // guards places
	var callers sync.WaitGroup
	for i := range 16 {
		callers.Go(func() {
			for j := 0; ; j++ {
				r := g.ask(http.MethodPost, predictPath, body, "Prefer", "respond-async", "Idempotency-Key", fmt.Sprint(key, i, ".", j))
				if r.status == http.StatusAccepted {
					mu.Lock()
					places = append(places, r.header.Get("Location"))
					mu.Unlock()
					continue
				}
				if r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") == "" {
					g.t.Errorf("got %+v, want 202 or 429", r)
				}
				return
			}
		})
	}
	callers.Wait()
	return places
}

// answered checks that all get their answers.
func (g *gate) answered(places []string, size int) {
	g.t.Helper()
	for _, place := range places {
		r := g.ask(http.MethodGet, place, "", "Prefer", "wait=60")
		if want := fmt.Sprintf(`{"predictions":[%d]}`, size); r.status != http.StatusOK || strings.TrimSpace(r.body) != want {
			g.t.Fatalf("got %+v, want %s", r, want)
		}
	}
}

// As many requests as are accepted while the upstream is down run once it is back: they
// leave room for that, and callers that wait find some too.
func TestDurableLeavesRoomToRun(t *testing.T) {
	for _, size := range []int{300, 3000, 20_000, 150_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			u, status := failing(t)
			status.Store(http.StatusServiceUnavailable)
			g := startGate(t, durableArgs(u, t.TempDir(), "--queue-max-bytes=1MiB")...)
			places := g.fill("a", size)
			if used := len(places) * size; used > 1<<19 || used < 1<<16 {
				t.Errorf("%d were accepted", len(places))
			}
			if r := g.ask(http.MethodPost, predictPath, `{"instances": [""]}`); r.status != http.StatusServiceUnavailable || r.body != "" {
				t.Errorf("who waits gets %+v, want what the upstream says", r)
			}
			status.Store(0)
			g.answered(places, size)
			g.counts(`batcher_dead_letters{route="(later)"}`, 0)
		})
	}
}

// So it is when many gateways accept them at once.
func TestDurableGatewaysLeaveRoomToRun(t *testing.T) {
	u, status := failing(t)
	status.Store(http.StatusServiceUnavailable)
	one := startGate(t, durableArgs(u, t.TempDir(), "--queue-max-bytes=1MiB", "--queue-listen=127.0.0.1:0")...)
	gates := []*gate{one}
	for range 3 {
		gates = append(gates, startGate(t, "--nats", one.queue(), "--work=false", "--upstream", u.URL, "--protocol", "kserve-v1", "--name", "sum", "--queue-max-bytes=1MiB"))
	}
	const size = 20_000
	places := make([][]string, len(gates))
	var all sync.WaitGroup
	for i, g := range gates {
		all.Go(func() { places[i] = g.fill(fmt.Sprint(i, "."), size) })
	}
	all.Wait()
	status.Store(0)
	one.answered(slices.Concat(places...), size)
}

// What could never run is refused for good.
func TestDurableRefusesWhatCouldNotRun(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, durableArgs(u, t.TempDir(), "--queue-max-bytes=1MiB")...)
	body := fmt.Sprintf(`{"instances": [%q]}`, strings.Repeat("x", 250_000))
	if r := g.ask(http.MethodPost, predictPath, body, "Prefer", "respond-async", "Idempotency-Key", "a"); r.status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %+v, want 413", r)
	}
}

// The gateway's own refusals of a run are no tries.
func TestDurableRunsThatFindNoRoomAreNoTries(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, durableArgs(u, t.TempDir(), "--max-items=1", "--max-pending=1", "--queue-tries=2")...)
	answer := g.waiting(u, 1)
	place := g.later(2, "a")
	g.hears(`remote=\(later\) route=sum status=429(?s:.*)remote=\(later\) route=sum status=429(?s:.*)remote=\(later\) route=sum status=429`)
	u.release()
	r := <-answer
	r.want(t, 1)
	g.ask(http.MethodGet, place, "", "Prefer", "wait=60").want(t, 2)
}

// Dead letters that are given back leave room to run too.
func TestDurableLettersLeaveRoomToRun(t *testing.T) {
	u, status := failing(t)
	status.Store(http.StatusServiceUnavailable)
	args := durableArgs(u, t.TempDir(), "--queue-max-bytes=1MiB", "--queue-listen=127.0.0.1:0")
	g := startGate(t, append(args, "--queue-tries=2")...)
	const size = 20_000
	r := g.ask(http.MethodPost, predictPath, fmt.Sprintf(`{"instances": [%q]}`, strings.Repeat("x", size)), "Prefer", "respond-async", "Idempotency-Key", "dead")
	g.counts(`batcher_dead_letters{route="(later)"}`, 1)
	g.signal(syscall.SIGTERM)
	g.end(0)
	status.Store(unsaid)
	g = startGate(t, args...)
	places := g.fill("a", size)
	retry := []string{"dlq", "retry", "all", "--nats", g.queue(), "--upstream", u.URL, "--protocol", "kserve-v1", "--name", "sum", "--queue-max-bytes=1MiB"}
	if o := run("", retry...); o.status != 1 || !strings.Contains(o.stderr, "queue full") || !strings.HasPrefix(o.stdout, "0 ") {
		t.Errorf("where there is no room: %+v", o)
	}
	status.Store(0)
	g.answered(places, size)
	until(t, "there is room", func() bool { return run("", retry...).status == 0 })
	g.answered([]string{r.header.Get("Location")}, size)
}

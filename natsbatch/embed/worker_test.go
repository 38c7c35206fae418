package embed_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/embed"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
)

var queue = natsbatch.Queue{Endpoint: "test"}

func conn(t *testing.T) *nats.Conn {
	t.Helper()
	_, nc := serverAndConn(t)
	return nc
}

func serverAndConn(t *testing.T) (*embed.Server, *nats.Conn) {
	t.Helper()
	s := start(t, t.TempDir(), embed.Options{})
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return s, nc
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func client[Req, Res any](t *testing.T, nc *nats.Conn, opts natsbatch.ClientOptions) *natsbatch.Client[Req, Res] {
	t.Helper()
	return clientAt[Req, Res](t, nc, queue, opts)
}

// clientAt makes a front end that tests need not close.
func clientAt[Req, Res any](t *testing.T, nc *nats.Conn, q natsbatch.Queue, opts natsbatch.ClientOptions) *natsbatch.Client[Req, Res] {
	t.Helper()
	c, err := natsbatch.NewClient[Req, Res](within(t), nc, q, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { leave(t, c.Shutdown) })
	return c
}

// leave shuts down what would wait for ever where a test has failed.
func leave(t *testing.T, shutdown func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := shutdown(ctx); err != nil {
		t.Errorf("it does not end: %v", err)
	}
}

func worker(t *testing.T, w *natsbatch.Worker, err error) *natsbatch.Worker {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { leave(t, w.Shutdown) })
	return w
}

func echo(_ context.Context, reqs []string) ([]string, error) { return reqs, nil }

// seen collects what a Func was given.
type seen struct {
	mu      sync.Mutex
	batches [][]string
}

func (s *seen) add(reqs []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches = append(s.batches, slices.Clone(reqs))
}

func submitAll(t *testing.T, c *natsbatch.Client[string, string], reqs ...string) (handles []natsbatch.Handle) {
	t.Helper()
	for _, r := range reqs {
		h, err := c.Submit(within(t), r)
		if err != nil {
			t.Fatal(err)
		}
		handles = append(handles, h)
	}
	return handles
}

func TestARequestHeavierThanABatchRunsAlone(t *testing.T) {
	nc := conn(t)
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	long := strings.Repeat("x", 100)
	handles := submitAll(t, c, "a", long, "b") // before there is a worker, so that they can meet
	var got seen
	w, err := natsbatch.NewWorker(within(t), nc, queue, func(_ context.Context, reqs []string) ([]string, error) {
		got.add(reqs)
		return reqs, nil
	}, natsbatch.WorkerOptions{Batch: batcher.Options{MaxWeight: 50}})
	worker(t, w, err)
	for i, want := range []string{"a", long, "b"} {
		if res, err := c.Wait(within(t), handles[i]); err != nil || res != want {
			t.Errorf("request %d: %q, %v", i, res, err)
		}
	}
	for _, batch := range got.batches {
		if slices.Contains(batch, long) && len(batch) > 1 {
			t.Errorf("a batch of %d holds the heavy one", len(batch))
		}
	}
}

func TestGroupsDoNotMix(t *testing.T) {
	nc := conn(t)
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	w, err := natsbatch.NewGroupWorker(within(t), nc, queue, func(_ context.Context, group string, reqs []string) ([]string, error) {
		res := make([]string, len(reqs))
		for i, r := range reqs {
			res[i] = group + r
		}
		return res, nil
	}, natsbatch.WorkerOptions{Batch: batcher.Options{Delay: 5 * time.Millisecond, MaxConcurrent: 2}})
	worker(t, w, err)
	var callers sync.WaitGroup
	for i := range 100 {
		callers.Go(func() {
			group, req := fmt.Sprint("g", i%7, "/"), fmt.Sprint(i)
			if res, err := c.Do(within(t), req, natsbatch.Group(group)); err != nil || res != group+req {
				t.Errorf("request %d: %q, %v", i, res, err)
			}
		})
	}
	callers.Wait()
}

type traceKey struct{}

func TestFuncIsToldOfEachRequest(t *testing.T) {
	nc := conn(t)
	w, err := natsbatch.NewWorker(within(t), nc, queue, func(ctx context.Context, reqs []string) ([]natsbatch.Meta, error) {
		return natsbatch.Metas(ctx), nil
	}, natsbatch.WorkerOptions{})
	worker(t, w, err)
	c := client[string, natsbatch.Meta](t, nc, natsbatch.ClientOptions{Trace: func(ctx context.Context) string {
		trace, _ := ctx.Value(traceKey{}).(string)
		return trace
	}})
	ctx := context.WithValue(within(t), traceKey{}, "00-trace")
	h, err := c.Submit(ctx, "r", natsbatch.Key("order 17"), natsbatch.Urgency(natsbatch.PriorityHigh), natsbatch.Group("g"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Wait(ctx, h)
	deadline, _ := ctx.Deadline()
	want := natsbatch.Meta{ID: "order 17", Group: "g", Trace: "00-trace", Priority: natsbatch.PriorityHigh}
	if !m.Deadline.Equal(deadline.Truncate(time.Millisecond)) {
		t.Errorf("deadline %v, want %v", m.Deadline, deadline)
	}
	if m.Deadline = want.Deadline; err != nil || m != want {
		t.Errorf("got %+v, %v, want %+v", m, err, want)
	}
}

func TestWhatExistsIsNotAltered(t *testing.T) {
	nc := conn(t)
	if err := natsbatch.Setup(within(t), nc, queue); err != nil {
		t.Fatal(err)
	}
	other := queue
	other.MaxMessages, other.ResultTTL = 5, time.Hour
	err := natsbatch.Setup(within(t), nc, other)
	if !errors.Is(err, natsbatch.ErrDrift) || !strings.Contains(err.Error(), "max messages is 1000000, must be 5") {
		t.Errorf("another bound: %v", err)
	}
	slower := queue
	slower.AckWait = time.Minute
	if _, err := natsbatch.NewClient[string, string](within(t), nc, slower, natsbatch.ClientOptions{}); !errors.Is(err, natsbatch.ErrDrift) || !strings.Contains(err.Error(), "ack wait is 5s, must be 1m0s") {
		t.Errorf("another AckWait: %v", err)
	}
	if err := natsbatch.Setup(within(t), nc, queue); err != nil {
		t.Errorf("it was altered: %v", err)
	}
}

// Exists creates nothing, and knows a queue from another with the same streams.
func TestExists(t *testing.T) {
	nc := conn(t)
	js := streams(t, nc)
	exists := func(q natsbatch.Queue, want bool) {
		t.Helper()
		if there, err := natsbatch.Exists(within(t), nc, q); there != want || err != nil {
			t.Errorf("%s: %t, %v, want %t", q.Endpoint, there, err, want)
		}
	}
	exists(queue, false)
	if info, err := js.AccountInfo(within(t)); err != nil || info.Streams != 0 {
		t.Errorf("%+v, %v, want no streams", info, err)
	}
	if err := natsbatch.Setup(within(t), nc, queue); err != nil {
		t.Fatal(err)
	}
	other := queue
	other.Endpoint = "other"
	exists(other, false)
	exists(queue, true)
	if _, err := natsbatch.Exists(within(t), nc, natsbatch.Queue{}); err == nil || !strings.Contains(err.Error(), "Endpoint") {
		t.Errorf("a queue without an endpoint: %v", err)
	}
	nc.Close()
	if there, err := natsbatch.Exists(within(t), nc, queue); there || !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("on a closed connection: %t, %v", there, err)
	}
}

// What is no envelope reaches a person, and holds nobody up.
func TestAlienMessagesGoToTheDeadLetters(t *testing.T) {
	nc := conn(t)
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	js := streams(t, nc)
	nobody := wire.Envelope{Kind: wire.KindSubmit, Requests: []wire.Request{{Payload: []byte(`"r"`)}}}
	largest := make([]byte, nc.MaxPayload())
	largest[0] = 1
	for _, alien := range [][]byte{[]byte("\x01hello"), nobody.Append(nil), largest} {
		if _, err := js.Publish(within(t), "bq.main.req.test.normal", alien); err != nil {
			t.Fatal(err)
		}
	}
	w, err := natsbatch.NewWorker(within(t), nc, queue, echo, natsbatch.WorkerOptions{})
	worker(t, w, err)
	if res, err := c.Do(within(t), "r"); err != nil || res != "r" {
		t.Errorf("behind it: %q, %v", res, err)
	}
	a, err := natsbatch.NewAdmin(within(t), nc, queue)
	if err != nil {
		t.Fatal(err)
	}
	var letters []natsbatch.DeadLetter
	for ctx := within(t); len(letters) < 3; {
		if letters, err = a.Dead(ctx, 0, 10); err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(letters, func(a, b natsbatch.DeadLetter) int { return len(a.Payload) - len(b.Payload) })
	if l := letters[1]; !strings.Contains(l.Reason, "the front end has no name") {
		t.Errorf("from nobody: %+v", l)
	}
	if l := letters[2]; len(l.Payload) < len(largest)*9/10 || !strings.Contains(l.Reason, "malformed") {
		t.Errorf("the largest: %d bytes, %s", len(l.Payload), l.Reason)
	}
	l := letters[0]
	if string(l.Payload) != "\x01hello" || !strings.Contains(l.Reason, "malformed") || !l.Handle.IsZero() {
		t.Errorf("got %+v", l)
	}
	if err := a.Retry(within(t), l.Seq); err == nil || !strings.Contains(err.Error(), "it is no request") {
		t.Errorf("Retry: %v", err)
	}
	if err := a.Drop(within(t), l.Seq); err != nil {
		t.Errorf("Drop: %v", err)
	}
	for name, err := range map[string]error{"Retry": a.Retry(within(t), l.Seq), "Drop": a.Drop(within(t), l.Seq)} {
		if !errors.Is(err, natsbatch.ErrNoDeadLetter) {
			t.Errorf("%s of none: %v", name, err)
		}
	}
}

// Workers that stop one after the other while they hold the same requests
// hand them on, and none is taken for a duplicate.
func TestRequestsAreHandedOnAgainAndAgain(t *testing.T) {
	nc := conn(t)
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	reqs := []string{"a", "b", "c", "d"}
	handles := submitAll(t, c, reqs...)
	for range 3 {
		w, err := natsbatch.NewWorker(within(t), nc, queue, echo, natsbatch.WorkerOptions{Batch: batcher.Options{Delay: time.Hour}})
		worker(t, w, err)
		for w.Stats().Active < len(reqs) {
			time.Sleep(time.Millisecond)
		}
		if err := w.Shutdown(within(t)); err != nil {
			t.Fatal(err)
		}
		if s := w.Stats(); s.HandedBack < uint64(len(reqs)) || s.Batches != 0 {
			t.Errorf("got %+v", s)
		}
	}
	w, err := natsbatch.NewWorker(within(t), nc, queue, echo, natsbatch.WorkerOptions{})
	worker(t, w, err)
	for i, h := range handles {
		if res, err := c.Wait(within(t), h); err != nil || res != reqs[i] {
			t.Errorf("request %d: %q, %v", i, res, err)
		}
	}
}

func TestNewNeedsAFunc(t *testing.T) {
	nc := conn(t)
	if _, err := natsbatch.NewWorker[int, int](within(t), nc, queue, nil, natsbatch.WorkerOptions{}); err == nil {
		t.Error("NewWorker without a Func")
	}
	if _, err := natsbatch.NewGroupWorker[int, int](within(t), nc, queue, nil, natsbatch.WorkerOptions{}); err == nil {
		t.Error("NewGroupWorker without a Func")
	}
	if _, err := natsbatch.NewWorker(within(t), nc, queue, echo, natsbatch.WorkerOptions{MaxDeliveries: 1}); err == nil {
		t.Error("NewWorker with bad options")
	}
	if _, err := natsbatch.NewWorker(within(t), nc, natsbatch.Queue{}, echo, natsbatch.WorkerOptions{}); err == nil {
		t.Error("NewWorker with a bad Queue")
	}
}

package embed_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats.go"
)

func TestWhatCannotBeAskedIsRefused(t *testing.T) {
	c := client[any, string](t, conn(t), natsbatch.ClientOptions{})
	ctx := within(t)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	for want, err := range map[string]error{
		"Do takes no Key":          second(c.Do(ctx, "r", natsbatch.Key("k"))),
		"the key has 0 bytes":      second(c.Submit(ctx, "r", natsbatch.Key(""))),
		"the key has 129 bytes":    second(c.Submit(ctx, "r", natsbatch.Key(strings.Repeat("k", 129)))),
		"the group has 257 bytes":  second(c.Do(ctx, "r", natsbatch.Group(strings.Repeat("g", 257)))),
		"Priority(3)":              second(c.Do(ctx, "r", natsbatch.Urgency(3))),
		"encode the request":       second(c.Do(ctx, func() {})),
		"encode the request: json": second(c.Submit(ctx, func() {})),
		"context canceled":         second(c.Do(ended, "r")),
		"canceled":                 second(c.Submit(ended, "r")),
		"the zero Handle":          second(c.Wait(ctx, natsbatch.Handle{})),
		"not a handle":             second(c.Get(ctx, natsbatch.Handle{})),
		"key has 5000 bytes":       second(c.Wait(ctx, natsbatch.KeyHandle(strings.Repeat("k", 5000)))),
		"the key has 5001 bytes":   second(c.Get(ctx, natsbatch.KeyHandle(strings.Repeat("k", 5001)))),
		"no result":                second(c.Get(ctx, natsbatch.KeyHandle("nobody's"))),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// Of what is said twice the later counts, also where that is the default.
func TestTheLaterOptionCounts(t *testing.T) {
	nc := conn(t)
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	w, err := natsbatch.NewWorker(within(t), nc, queue, func(ctx context.Context, reqs []string) ([]string, error) {
		m := natsbatch.Metas(ctx)[0]
		return []string{fmt.Sprintf("%v %q", m.Priority, m.Group)}, nil
	}, natsbatch.WorkerOptions{Batch: batcher.Options{MaxSize: 1}})
	worker(t, w, err)
	for want, opts := range map[string][]natsbatch.Option{
		`normal ""`: {natsbatch.Urgency(natsbatch.PriorityHigh), natsbatch.Group("g"), natsbatch.Group(""), natsbatch.Urgency(natsbatch.PriorityNormal), {}},
		`low "h"`:   {natsbatch.Urgency(3), natsbatch.Group("g"), natsbatch.Group("h"), natsbatch.Urgency(natsbatch.PriorityLow)},
	} {
		if res, err := c.Do(within(t), "r", opts...); err != nil || res != want {
			t.Errorf("Do: %s, %v, want %s", res, err, want)
		}
	}
	if h, err := c.Submit(within(t), "r", natsbatch.Key(""), natsbatch.Key("k")); err != nil || h.Key() != "k" {
		t.Errorf("Submit: %v, %v", h, err)
	}
}

// A deadline that is too far away for the wire is none.
func TestADeadlineThatIsNeverReached(t *testing.T) {
	nc := conn(t)
	w, err := natsbatch.NewWorker(within(t), nc, queue, echo, natsbatch.WorkerOptions{})
	worker(t, w, err)
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	for _, deadline := range []time.Time{
		time.Now().AddDate(200, 0, 0), time.UnixMilli(math.MaxInt64), time.UnixMilli(math.MaxInt64).Add(time.Hour),
		time.Unix(1<<60, 0), time.Unix(1<<63-62135596801, 999999999), // the last that there is
	} {
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		defer cancel()
		if _, err := c.Do(ctx, "r"); err != nil {
			t.Errorf("with deadline %v: %v", deadline, err)
		}
	}
}

func TestAClosedClientRefuses(t *testing.T) {
	c := client[string, string](t, conn(t), natsbatch.ClientOptions{})
	waits := make(chan error, 1)
	go func() { waits <- second(c.Wait(context.Background(), natsbatch.KeyHandle("never"))) }()
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, err := range map[string]error{
		"Do": second(c.Do(within(t), "r")), "Submit": second(c.Submit(within(t), "r")), "Key": second(c.Submit(within(t), "r", natsbatch.Key("k"))), "Wait": <-waits,
	} {
		if !errors.Is(err, natsbatch.ErrClosed) {
			t.Errorf("%s: %v, want ErrClosed", name, err)
		}
	}
}

func TestShutdownThatRunsOutOfTimeFreesCallers(t *testing.T) {
	nc := conn(t)
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	a, err := natsbatch.NewAdmin(within(t), nc, queue)
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan error, 1)
	go func() { asked <- second(c.Do(context.Background(), "nobody works on it")) }()
	for s, err := a.Stats(within(t)); s.Lanes[natsbatch.PriorityNormal].Waiting == 0; s, err = a.Stats(within(t)) {
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := c.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	if err := <-asked; !errors.Is(err, natsbatch.ErrUnknownOutcome) || !errors.Is(err, natsbatch.ErrClosed) {
		t.Errorf("Do: %v, want ErrUnknownOutcome and ErrClosed", err)
	}
}

// So it does while the server takes its time: a caller whose own context has not ended
// does not get context.Canceled.
func TestShutdownThatRunsOutOfTimeEndsTriesToSend(t *testing.T) {
	t.Parallel()
	nc := conn(t)
	var clients []*natsbatch.Client[string, string]
	for range 10 {
		clients = append(clients, client[string, string](t, nc, natsbatch.ClientOptions{}))
	}
	tried := make(chan *nats.Msg, 100)
	if err := streams(t, nc).DeleteStream(within(t), "bq_main_req"); err != nil {
		t.Fatal(err)
	}
	if _, err := nc.ChanSubscribe("bq.main.req.>", tried); err != nil { // which answers nothing
		t.Fatal(err)
	}
	for _, c := range clients {
		calls := map[string]chan error{"Do": make(chan error, 1), "Submit": make(chan error, 1)}
		go func() { calls["Do"] <- second(c.Do(context.Background(), "r")) }()
		go func() { calls["Submit"] <- second(c.Submit(context.Background(), "r")) }()
		for range calls {
			soon(t, "the request", tried)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := c.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		for name, called := range calls {
			if err := soon(t, name, called); !errors.Is(err, natsbatch.ErrUnknownOutcome) || !errors.Is(err, natsbatch.ErrClosed) || errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v, want ErrUnknownOutcome and ErrClosed alone", name, err)
			}
		}
	}
}

// A Do that Close overtakes is told so at once, also while Close waits for another Do.
func TestADoThatIsOvertakenByCloseIsRefused(t *testing.T) {
	t.Parallel()
	nc, g := conn(t), newGate()
	w, err := natsbatch.NewWorker(within(t), nc, queue, g.fn, natsbatch.WorkerOptions{})
	worker(t, w, err)
	on, goOn := make(chan struct{}, 1), make(chan struct{})
	c := client[string, string](t, nc, natsbatch.ClientOptions{Trace: func(ctx context.Context) string {
		if ctx.Value(traceKey{}) != nil {
			on <- struct{}{}
			<-goOn
		}
		return ""
	}})
	answered, refused, closed := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	go func() { answered <- second(c.Do(context.Background(), "r")) }()
	soon(t, "Func", g.runs)
	go func() { refused <- second(c.Do(context.WithValue(context.Background(), traceKey{}, "slow"), "r")) }()
	soon(t, "Trace", on)
	go func() { closed <- c.Close() }()
	enters(t, "natsbatch.(*calls).drain(") // to wait for the first
	close(goOn)
	if err := soon(t, "Do", refused); !errors.Is(err, natsbatch.ErrClosed) || errors.Is(err, natsbatch.ErrUnknownOutcome) {
		t.Errorf("Do: %v, want ErrClosed alone", err)
	}
	close(g.may)
	if err := errors.Join(soon(t, "the first Do", answered), soon(t, "Close", closed)); err != nil {
		t.Error(err)
	}
}

// enters waits until a goroutine of the test is in a function.
func enters(t *testing.T, function string) {
	t.Helper()
	for ctx := within(t); ; time.Sleep(time.Millisecond) {
		var stacks strings.Builder
		if err := errors.Join(ctx.Err(), pprof.Lookup("goroutine").WriteTo(&stacks, 2)); err != nil {
			t.Fatalf("nobody enters %s: %v", function, err)
		}
		for stack := range strings.SplitSeq(stacks.String(), "\n\n") {
			if strings.Contains(stack, function) && strings.Contains(stack, t.Name()) {
				return
			}
		}
	}
}

func TestHealthNeedsAServer(t *testing.T) {
	s, nc := serverAndConn(t)
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	if err := c.Health(within(t)); err != nil {
		t.Errorf("with a server: %v", err)
	}
	s.Close()
	if err := c.Health(within(t)); !errors.Is(err, natsbatch.ErrUnhealthy) {
		t.Errorf("without: %v, want ErrUnhealthy", err)
	}
}

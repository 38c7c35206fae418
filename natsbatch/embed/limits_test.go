package embed_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats-server/v2/server"
)

// again ends a server and starts it with o, at the same address.
func again(t *testing.T, s *server.Server, o server.Options) {
	t.Helper()
	o.Port = s.Addr().(*net.TCPAddr).Port
	s.Shutdown()
	s.WaitForShutdown()
	serve(t, o)
}

// What is too large for a server that comes back is an answer if it is a result,
// and runs where it is if it is a request.
func TestAServerThatComesToLetLessPass(t *testing.T) {
	t.Parallel()
	o := server.Options{StoreDir: t.TempDir()}
	s := serve(t, o)
	nc := dial(t, s.ClientURL())
	c := client[[]byte, []byte](t, nc, natsbatch.ClientOptions{})
	runs, may := make(chan struct{}, 10), make(chan struct{})
	large := make([]byte, 200<<10)
	var tried atomic.Int64
	w, err := natsbatch.NewWorker(within(t), nc, queue, func(_ context.Context, reqs [][]byte) ([][]byte, error) {
		runs <- struct{}{}
		<-may
		switch {
		case len(reqs[0]) < len(large):
			return [][]byte{large}, nil
		case reqs[0][0] == 'x' || tried.Add(1) == 1:
			return nil, natsbatch.Retry(errUp)
		}
		return [][]byte{nil}, nil
	}, natsbatch.WorkerOptions{Batch: batcher.Options{MaxSize: 1, MaxConcurrent: 4}, Backoff: func(int) time.Duration { return time.Millisecond }})
	worker(t, w, err)
	asked := make(chan error, 1)
	go func() { asked <- second(c.Do(context.Background(), []byte("r"))) }()
	var handles []natsbatch.Handle
	for _, req := range [][]byte{[]byte("r"), large, bytes.Repeat([]byte("x"), len(large))} {
		h, err := c.Submit(within(t), req)
		if err != nil {
			t.Fatal(err)
		}
		handles = append(handles, h)
	}
	for range 4 {
		soon(t, "Func", runs)
	}
	o.MaxPayload = 128 << 10
	again(t, s, o)
	for c.Health(within(t)) != nil {
		time.Sleep(10 * time.Millisecond)
	}
	close(may)
	if err := soon(t, "Do", asked); !errors.Is(err, natsbatch.ErrTooLarge) {
		t.Errorf("Do: %v, want ErrTooLarge", err)
	}
	for i, want := range []error{natsbatch.ErrTooLarge, nil, natsbatch.ErrDead} {
		if _, err := c.Wait(within(t), handles[i]); !errors.Is(err, want) {
			t.Errorf("request %d: %v, want %v", i, err, want)
		}
	}
	if l := letters(t, admin(t, nc, queue), 1)[0]; l.Reason != errUp.Error() || len(l.Payload) < 100<<10 {
		t.Errorf("a letter of %d bytes: %s", len(l.Payload), l.Reason)
	}
}

// Many requests, and many results, each of which is far below what the server
// lets pass, do not meet in a message that is beyond it.
func TestAServerThatLetsLittlePass(t *testing.T) {
	s := serve(t, server.Options{MaxPayload: 32 << 10})
	nc := dial(t, s.ClientURL())
	c := client[[]byte, []byte](t, nc, natsbatch.ClientOptions{})
	double := func(_ context.Context, reqs [][]byte) ([][]byte, error) {
		res := make([][]byte, len(reqs))
		for i, r := range reqs {
			res[i] = bytes.Repeat(r, 2)
		}
		return res, nil
	}
	w, err := natsbatch.NewWorker(within(t), nc, queue, double, natsbatch.WorkerOptions{})
	worker(t, w, err)
	for name, call := range map[string]func(context.Context, []byte) ([]byte, error){
		"Do": func(ctx context.Context, req []byte) ([]byte, error) { return c.Do(ctx, req) },
		"Submit": func(ctx context.Context, req []byte) ([]byte, error) {
			h, err := c.Submit(ctx, req)
			if err != nil {
				return nil, err
			}
			return c.Wait(ctx, h)
		},
	} {
		var callers sync.WaitGroup
		for i := range 200 {
			callers.Go(func() {
				req := bytes.Repeat([]byte{byte(i)}, 2<<10)
				if i%50 == 0 {
					req = bytes.Repeat([]byte{byte(i)}, 12<<10)
				}
				if res, err := call(within(t), req); err != nil || !bytes.Equal(res, bytes.Repeat(req, 2)) {
					t.Errorf("%s %d: %d bytes, %v", name, i, len(res), err)
				}
			})
		}
		callers.Wait()
	}
	if _, err := c.Do(within(t), make([]byte, 30<<10)); !errors.Is(err, natsbatch.ErrTooLarge) {
		t.Errorf("one that is too large: %v", err)
	}
}

// However long an error of Func is, its beginning reaches who waits.
func TestLongErrorsAreShortened(t *testing.T) {
	s := serve(t, server.Options{})
	nc := dial(t, s.ClientURL())
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	w, err := natsbatch.NewWorker(within(t), nc, queue, func(context.Context, []string) ([]string, error) {
		return nil, errors.New("it is so: " + strings.Repeat("x", 2<<20))
	}, natsbatch.WorkerOptions{})
	worker(t, w, err)
	h, err := c.Submit(within(t), "r")
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"Do": second(c.Do(within(t), "r")), "Wait": second(c.Wait(within(t), h))} {
		var failed *natsbatch.FuncError
		if !errors.As(err, &failed) || !strings.HasPrefix(failed.Text, "it is so: x") {
			t.Errorf("%s: %.100v", name, err)
		}
	}
}

// A request as large as may be runs as often as any other, and its letter says
// why it failed.
func TestTheLargestRequestIsTriedAgain(t *testing.T) {
	s := serve(t, server.Options{MaxPayload: 64 << 10})
	nc := dial(t, s.ClientURL())
	c := client[[]byte, []byte](t, nc, natsbatch.ClientOptions{Trace: func(context.Context) string { return strings.Repeat("t", 100) }})
	w, err := natsbatch.NewWorker(within(t), nc, queue, func(context.Context, [][]byte) ([][]byte, error) {
		return nil, natsbatch.Retry(errors.New("the true reason " + strings.Repeat("x", 5000)))
	}, natsbatch.WorkerOptions{Backoff: func(int) time.Duration { return time.Millisecond }})
	worker(t, w, err)
	const largest = 56<<10 - 100
	group, key := strings.Repeat("g", 256), strings.Repeat("k", 128)
	if _, err := c.Submit(within(t), make([]byte, largest+1)); !errors.Is(err, natsbatch.ErrTooLarge) {
		t.Errorf("one byte more: %v, want ErrTooLarge", err)
	}
	for i, opts := range [][]natsbatch.Option{{natsbatch.Group(group)}, {natsbatch.Group(group), natsbatch.Key(key)}} {
		h, err := c.Submit(within(t), make([]byte, largest), opts...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Wait(within(t), h); !errors.Is(err, natsbatch.ErrDead) || !strings.Contains(err.Error(), "the true reason xxx") {
			t.Errorf("%d: %.200v, want ErrDead and why", i, err)
		}
	}
	for _, l := range letters(t, admin(t, nc, queue), 2) {
		if got := fmt.Sprint(l.Tries, " ", l.Reason); !strings.HasPrefix(got, "4 the true reason") || len(l.Payload) != largest {
			t.Errorf("a letter of %d bytes: %.100s", len(l.Payload), got)
		}
	}
}

// What a worker pulls does not exceed what the server keeps for a connection.
func TestManyLargeRequestsReachAWorker(t *testing.T) {
	s := serve(t, server.Options{MaxPending: 16 << 20})
	c := client[[]byte, []byte](t, dial(t, s.ClientURL()), natsbatch.ClientOptions{})
	var handles []natsbatch.Handle
	for range 64 {
		h, err := c.Submit(t.Context(), make([]byte, 900<<10)) // no deadline: on a machine that is busy they take long
		if err != nil {
			t.Fatal(err)
		}
		handles = append(handles, h)
	}
	nc := dial(t, "nats://"+lay(t, s.Addr(), 50<<20).Addr().String())
	w, err := natsbatch.NewWorker(within(t), nc, queue, func(_ context.Context, reqs [][]byte) ([][]byte, error) {
		return make([][]byte, len(reqs)), nil
	}, natsbatch.WorkerOptions{})
	worker(t, w, err)
	for i, h := range handles {
		if _, err := c.Wait(within(t), h); err != nil {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if n := nc.Stats().Reconnects; n > 0 {
		t.Errorf("the worker lost its server %d times", n)
	}
}

// A worker whose batches have the highest limits that there are takes what waits.
func TestAWorkerWithoutLimits(t *testing.T) {
	for _, batch := range []batcher.Options{
		{MaxSize: math.MaxInt},
		{MaxSize: math.MaxInt/2 + 1, MaxConcurrent: 4},
		{MaxSize: math.MaxInt, MaxConcurrent: math.MaxInt, MaxWeight: math.MaxInt},
		{MaxConcurrent: math.MaxInt},
	} {
		t.Run(fmt.Sprint(batch.MaxSize, " in ", batch.MaxConcurrent), func(t *testing.T) {
			t.Parallel()
			nc := conn(t)
			c := client[string, string](t, nc, natsbatch.ClientOptions{})
			handles := submitAll(t, c, "r", "r", "r", "r", "r") // each a message
			w, err := natsbatch.NewWorker(within(t), nc, queue, echo, natsbatch.WorkerOptions{Batch: batch})
			worker(t, w, err)
			wantAll(t, c, handles)
		})
	}
}

// A worker that allows many deliveries takes no more memory than another.
func TestAWorkerThatNeverGivesUpIsSmall(t *testing.T) {
	nc := conn(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	w, err := natsbatch.NewWorker(within(t), nc, queue, echo, natsbatch.WorkerOptions{MaxDeliveries: 500_000})
	runtime.ReadMemStats(&after)
	worker(t, w, err)
	if took := after.TotalAlloc - before.TotalAlloc; took > 50<<20 {
		t.Errorf("it took %d MiB", took>>20)
	}
	wantDo(t, clientOf(t, nc, queue))
}

package embed_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// upstream is a Func whose upstream is down at first.
type upstream struct {
	up   atomic.Bool
	runs atomic.Int64
}

func (u *upstream) fn(_ context.Context, reqs []string) ([]string, error) {
	u.runs.Add(1)
	if !u.up.Load() {
		return nil, natsbatch.Retry(errors.New("down"))
	}
	return reqs, nil
}

// work starts a worker for u that loses no time.
func (u *upstream) work(t *testing.T, nc *nats.Conn, q natsbatch.Queue) *natsbatch.Worker {
	t.Helper()
	w, err := natsbatch.NewWorker(within(t), nc, q, u.fn, natsbatch.WorkerOptions{Backoff: func(int) time.Duration { return time.Millisecond }})
	return worker(t, w, err)
}

func admin(t *testing.T, nc *nats.Conn, q natsbatch.Queue) *natsbatch.Admin {
	t.Helper()
	a, err := natsbatch.NewAdmin(within(t), nc, q)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// letters gives the dead letters, of which there must be n.
func letters(t *testing.T, a *natsbatch.Admin, n int) []natsbatch.DeadLetter {
	t.Helper()
	all, err := a.Dead(within(t), 0, 100)
	if err != nil || len(all) != n {
		t.Fatalf("%d dead letters, %v; want %d", len(all), err, n)
	}
	return all
}

// die hands a request in and waits until it is dead.
func die(t *testing.T, ctx context.Context, c *natsbatch.Client[string, string], opts ...natsbatch.Option) natsbatch.Handle {
	t.Helper()
	h, err := c.Submit(ctx, "r", opts...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Wait(within(t), h); !errors.Is(err, natsbatch.ErrDead) {
		t.Fatalf("Wait: %v, want ErrDead", err)
	}
	return h
}

// wantAnswer checks that the request of h is answered, for each client.
func wantAnswer(t *testing.T, h natsbatch.Handle, clients ...*natsbatch.Client[string, string]) {
	t.Helper()
	for i, c := range clients {
		if res, err := c.Wait(within(t), h); err != nil || res != "r" {
			t.Errorf("client %d: Wait: %q, %v", i, res, err)
		}
		if res, err := c.Get(within(t), h); err != nil || res != "r" {
			t.Errorf("client %d: Get: %q, %v", i, res, err)
		}
	}
}

// Who was told that a request is dead hears of it once more when it has been
// given back, also if that is long after its deadline.
func TestALetterThatIsGivenBackIsAnswered(t *testing.T) {
	t.Parallel()
	nc := conn(t)
	own, other := client[string, string](t, nc, natsbatch.ClientOptions{}), client[string, string](t, nc, natsbatch.ClientOptions{})
	var u upstream
	u.work(t, nc, queue)
	a := admin(t, nc, queue)
	const left = 2 * time.Second
	begun := time.Now()
	for _, opts := range [][]natsbatch.Option{nil, {natsbatch.Key("k")}} {
		u.up.Store(false)
		ctx, cancel := context.WithTimeout(t.Context(), left)
		h := die(t, ctx, own, opts...)
		cancel()
		if len(opts) == 0 {
			time.Sleep(left - time.Since(begun) + 10*time.Millisecond)
		}
		u.up.Store(true)
		if err := a.Retry(within(t), letters(t, a, 1)[0].Seq); err != nil {
			t.Fatal(err)
		}
		if _, err := own.Get(within(t), h); !errors.Is(err, natsbatch.ErrNoResult) {
			t.Errorf("before it has run: %v, want ErrNoResult", err)
		}
		wantAnswer(t, h, own, other)
		letters(t, a, 0)
	}
}

// A Key is a new request when its result is no longer kept, and so is its death.
func TestAKeyThatDiesAgainHasAnotherLetter(t *testing.T) {
	t.Parallel()
	nc := conn(t)
	q := natsbatch.Queue{Endpoint: "test", ResultTTL: 300 * time.Millisecond}
	c, a := clientOf(t, nc, q), admin(t, nc, q)
	var u upstream
	u.work(t, nc, q)
	for range 2 {
		h := die(t, within(t), c, natsbatch.Key("k"))
		if err := a.Drop(within(t), letters(t, a, 1)[0].Seq); err != nil {
			t.Fatal(err)
		}
		for err := natsbatch.ErrDead; !errors.Is(err, natsbatch.ErrNoResult); _, err = c.Get(within(t), h) {
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// However many give a letter back, its request has a result afterwards.
func TestALetterThatManyGiveBack(t *testing.T) {
	t.Parallel()
	nc := conn(t)
	c, other := client[string, string](t, nc, natsbatch.ClientOptions{}), client[string, string](t, nc, natsbatch.ClientOptions{})
	var u upstream
	u.work(t, nc, queue)
	a := admin(t, nc, queue)
	for i := range 3 {
		u.up.Store(false)
		h := die(t, within(t), c, natsbatch.Key(fmt.Sprint(i)))
		u.up.Store(true)
		seq := letters(t, a, 1)[0].Seq
		var done atomic.Int64
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				if a.Retry(within(t), seq) == nil {
					done.Add(1)
				}
			})
		}
		callers.Wait()
		if done.Load() != 1 {
			t.Errorf("%d have given it back", done.Load())
		}
		wantAnswer(t, h, c, other)
		letters(t, a, 0)
	}
}

// A letter that could not be deleted does not take the result away when it is
// given back once more.
func TestALetterThatIsGivenBackTwice(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{Users: []*server.User{{Username: "all"}, {Username: "some", Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{">"}, Deny: []string{"$JS.API.STREAM.MSG.DELETE.bq_main_dlq"}}}}}})
	nc := dial(t, s.ClientURL(), nats.UserInfo("all", ""))
	c, other := client[string, string](t, nc, natsbatch.ClientOptions{}), client[string, string](t, nc, natsbatch.ClientOptions{})
	var u upstream
	u.work(t, nc, queue)
	h := die(t, within(t), c)
	u.up.Store(true)
	a, some := admin(t, nc, queue), admin(t, dial(t, s.ClientURL(), nats.UserInfo("some", "")), queue)
	seq := letters(t, a, 1)[0].Seq
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := some.Retry(ctx, seq); err == nil {
		t.Error("the letter was deleted without the right to")
	}
	wantAnswer(t, h, c, other)
	runs := u.runs.Load()
	if err := a.Retry(within(t), seq); err != nil {
		t.Errorf("once more: %v", err)
	}
	wantAnswer(t, h, c, other)
	letters(t, a, 0)
	if u.runs.Load() != runs {
		t.Error("it ran once more")
	}
}

// What cannot be given back stays as it was.
func TestALetterThatDoesNotFitIntoTheQueue(t *testing.T) {
	t.Parallel()
	nc := conn(t)
	q := queue
	q.MaxMessages = 10
	c, err := natsbatch.NewClient[string, string](within(t), nc, q, natsbatch.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var u upstream
	w := u.work(t, nc, q)
	h := die(t, within(t), c)
	w.Close()
	for err = nil; err == nil; {
		_, err = c.Submit(within(t), "more")
	}
	a := admin(t, nc, q)
	if err := a.Retry(within(t), letters(t, a, 1)[0].Seq); !errors.Is(err, natsbatch.ErrFull) {
		t.Errorf("Retry: %v, want ErrFull", err)
	}
	if _, err := c.Get(within(t), h); !errors.Is(err, natsbatch.ErrDead) {
		t.Errorf("Get: %v, want ErrDead", err)
	}
	letters(t, a, 1)
}

// A request that was given back and is gone too early is not given up: it may
// have met the result that says that it is dead.
func TestALetterWhoseRequestIsGoneStays(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{})
	nc := dial(t, s.ClientURL())
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	var u upstream
	w := u.work(t, nc, queue)
	h := die(t, within(t), c)
	w.Close()
	js := streams(t, nc)
	requests, err := js.Stream(within(t), "bq_main_req")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Subscribe("$JS.API.STREAM.MSG.DELETE.bq_main_res", func(*nats.Msg) { requests.Purge(context.Background()) }); err != nil {
		t.Fatal(err)
	}
	a := admin(t, dial(t, s.ClientURL(), nats.SetCustomDialer(slow{})), queue) // so that the queue is empty before it goes on
	if err := a.Retry(within(t), letters(t, a, 1)[0].Seq); err == nil || !strings.Contains(err.Error(), "too early") {
		t.Errorf("Retry: %v, want that the request is gone", err)
	}
	letters(t, a, 1)
	if _, err := c.Get(within(t), h); err == nil {
		t.Error("there is a result")
	}
}

// slow connects to where what is written takes a while.
type slow struct{ net.Conn }

func (slow) Dial(network, address string) (net.Conn, error) {
	c, err := net.Dial(network, address)
	return slow{c}, err
}

func (c slow) Write(b []byte) (int, error) {
	time.Sleep(50 * time.Millisecond)
	return c.Conn.Write(b)
}

package embed_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// meanwhile ends a server, does what is to be done while all connections know that it is
// away, and starts it again, so that it lets less pass.
func meanwhile(t *testing.T, s *server.Server, o server.Options, do func(), conns ...*nats.Conn) {
	t.Helper()
	o.Port, o.MaxPayload = s.Addr().(*net.TCPAddr).Port, 64<<10
	s.Shutdown()
	s.WaitForShutdown()
	for _, nc := range conns {
		for nc.IsConnected() {
			time.Sleep(time.Millisecond)
		}
	}
	do()
	serve(t, o)
}

// ends connects a front end by a cable, and a worker without one.
func ends(t *testing.T, s *server.Server) (way *cable, front, back *nats.Conn) {
	t.Helper()
	way = lay(t, s.Addr(), 0)
	return way, dial(t, "nats://"+way.Addr().String()), dial(t, s.ClientURL())
}

// calls are both ways to a result.
func calls(c *natsbatch.Client[[]byte, []byte]) map[string]func(context.Context, []byte) ([]byte, error) {
	return map[string]func(context.Context, []byte) ([]byte, error){
		"Do": func(ctx context.Context, req []byte) ([]byte, error) { return c.Do(ctx, req) },
		"Submit": func(ctx context.Context, req []byte) ([]byte, error) {
			h, err := c.Submit(ctx, req)
			if err != nil {
				return nil, err
			}
			return c.Wait(ctx, h)
		},
	}
}

func bytesClient(t *testing.T, nc *nats.Conn, q natsbatch.Queue) *natsbatch.Client[[]byte, []byte] {
	t.Helper()
	return clientAt[[]byte, []byte](t, nc, q, natsbatch.ClientOptions{})
}

// crowd has so many callers call while the way to the server is cut, so that their requests
// meet in an envelope.
func crowd(way *cable, n int, call func(i int)) *sync.WaitGroup {
	var callers sync.WaitGroup
	way.set(true)
	for i := range n {
		callers.Go(func() { call(i) })
	}
	time.Sleep(100 * time.Millisecond) // until they have met
	way.set(false)
	return &callers
}

// answers makes a worker that takes n requests for a batch, and waits until they run. It
// returns what is to be closed for them to be answered.
func answers(t *testing.T, nc *nats.Conn, q natsbatch.Queue, n int, answer func(req []byte) []byte) (may chan struct{}) {
	t.Helper()
	ran, may := make(chan struct{}, n), make(chan struct{})
	w, err := natsbatch.NewWorker(within(t), nc, q, func(_ context.Context, reqs [][]byte) ([][]byte, error) {
		ran <- struct{}{}
		<-may
		res := make([][]byte, len(reqs))
		for i, req := range reqs {
			res[i] = answer(req)
		}
		return res, nil
	}, natsbatch.WorkerOptions{Batch: batcher.Options{MaxSize: n, MinSize: n, Delay: time.Minute}})
	worker(t, w, err)
	soon(t, "Func", ran)
	return may
}

// settled waits until no worker holds a message.
func settled(t *testing.T, nc *nats.Conn, q natsbatch.Queue) {
	t.Helper()
	a, ctx := admin(t, nc, q), within(t)
	for s, err := a.Stats(ctx); err != nil || s.Lanes[natsbatch.PriorityNormal].Held > 0; s, err = a.Stats(ctx) {
		if ctx.Err() != nil {
			t.Fatalf("%+v, %v", s, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Requests that met in an envelope which the server no longer takes go without one
// another, and one that is too large by itself costs nobody a connection.
func TestRequestsThatFitAlonePass(t *testing.T) {
	for _, name := range []string{"Do", "Submit"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := server.Options{StoreDir: t.TempDir()}
			s := serve(t, o)
			front, back := dial(t, s.ClientURL()), dial(t, s.ClientURL())
			c := bytesClient(t, front, queue)
			w, err := natsbatch.NewWorker(within(t), back, queue, func(_ context.Context, reqs [][]byte) ([][]byte, error) {
				return reqs, nil
			}, natsbatch.WorkerOptions{})
			worker(t, w, err)
			var callers sync.WaitGroup
			meanwhile(t, s, o, func() {
				for i := range 100 {
					callers.Go(func() {
						req, want := bytes.Repeat([]byte{byte(i)}, 2<<10), error(nil)
						if i == 50 {
							req, want = make([]byte, 100<<10), natsbatch.ErrTooLarge
						}
						res, err := calls(c)[name](within(t), req)
						if !errors.Is(err, want) || err == nil && !bytes.Equal(res, req) {
							t.Errorf("request %d: %d bytes, %v; want %v", i, len(res), err, want)
						}
					})
				}
				time.Sleep(100 * time.Millisecond) // until they have met
			}, front, back)
			callers.Wait()
		})
	}
}

// Results that met in a message which the server no longer takes go without one another.
func TestResultsThatFitAlonePass(t *testing.T) {
	for _, name := range []string{"Do", "Submit"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := server.Options{StoreDir: t.TempDir()}
			s := serve(t, o)
			way, front, back := ends(t, s)
			q := natsbatch.Queue{Endpoint: "test", AckWait: time.Minute} // they must not be worked out again
			c := bytesClient(t, front, q)
			const requests = 100
			callers := crowd(way, requests, func(i int) {
				res, err := calls(c)[name](within(t), fmt.Append(nil, i))
				if i == 50 {
					if !errors.Is(err, natsbatch.ErrTooLarge) {
						t.Errorf("result %d: %v, want ErrTooLarge", i, err)
					}
				} else if err != nil || !bytes.Equal(res, bytes.Repeat([]byte{byte(i)}, 2<<10)) {
					t.Errorf("result %d: %d bytes, %v", i, len(res), err)
				}
			})
			may := answers(t, back, q, requests, func(req []byte) []byte {
				var n int
				fmt.Sscan(string(req), &n)
				if n == 50 {
					return make([]byte, 100<<10)
				}
				return bytes.Repeat([]byte{byte(n)}, 2<<10)
			})
			meanwhile(t, s, o, func() {
				close(may)
				time.Sleep(100 * time.Millisecond) // until the results are on their way
			}, front, back)
			callers.Wait()
		})
	}
}

// Requests that a worker hands back, in messages that the server no longer takes, are
// nobody's suspects.
func TestRequestsThatFitAloneGoBack(t *testing.T) {
	for _, name := range []string{"Do", "Submit"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := server.Options{StoreDir: t.TempDir()}
			s := serve(t, o)
			way, front, back := ends(t, s)
			c := bytesClient(t, front, queue)
			const requests = 100
			callers := crowd(way, requests, func(int) {
				if res, err := calls(c)[name](within(t), make([]byte, 2<<10)); err != nil || len(res) != 2<<10 {
					t.Errorf("%d bytes, %v", len(res), err)
				}
			})
			tries := func(ctx context.Context, reqs [][]byte) ([][]byte, error) {
				for _, m := range natsbatch.Metas(ctx) {
					if m.Tries > 0 {
						t.Errorf("request %s has %d tries", m.ID, m.Tries)
					}
				}
				return reqs, nil
			}
			first, err := natsbatch.NewWorker(within(t), back, queue, tries, natsbatch.WorkerOptions{Batch: batcher.Options{MaxSize: 2 * requests, Delay: time.Hour}})
			worker(t, first, err)
			for first.Stats().Active < requests {
				time.Sleep(time.Millisecond)
			}
			ended := make(chan error, 1)
			meanwhile(t, s, o, func() {
				go func() { ended <- first.Close() }()
				time.Sleep(100 * time.Millisecond) // until it wants to hand them back
			}, front, back)
			if err := soon(t, "Close", ended); err != nil {
				t.Error(err)
			}
			next, err := natsbatch.NewWorker(within(t), back, queue, tries, natsbatch.WorkerOptions{})
			worker(t, next, err)
			callers.Wait()
		})
	}
}

// An answer that is kept for a front end which is away is kept in parts, if need be.
func TestResultsThatFitAloneWait(t *testing.T) {
	t.Parallel()
	o := server.Options{StoreDir: t.TempDir()}
	s := serve(t, o)
	way, front, back := ends(t, s)
	q := natsbatch.Queue{Endpoint: "test", AckWait: time.Second}
	c := bytesClient(t, front, q)
	const requests = 100
	var callers sync.WaitGroup
	for range requests {
		callers.Go(func() {
			if res, err := c.Do(context.Background(), nil); err != nil || len(res) != 2<<10 {
				t.Errorf("%d bytes, %v", len(res), err)
			}
		})
	}
	may := answers(t, back, q, requests, func([]byte) []byte { return make([]byte, 2<<10) })
	way.set(true)
	meanwhile(t, s, o, func() {
		close(may)
		time.Sleep(100 * time.Millisecond) // until the results are on their way
	}, front, back)
	settled(t, back, q)
	way.set(false)
	callers.Wait()
}

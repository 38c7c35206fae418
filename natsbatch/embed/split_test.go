package embed_test

import (
	"bytes"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Results of an envelope that were stored while the front end was away, some together
// and some by themselves, are asked for once. If each caller that waits asked for those
// that are together, a slow connection would carry nothing else.
func TestSplitResultsAreAskedForOnce(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{StoreDir: t.TempDir()})
	way, front, back := ends(t, s)
	c := bytesClient(t, front, queue)
	const requests = 100
	handles := submitted(t, way, c, requests)
	result := func(req []byte) []byte { return bytes.Repeat(req, 32<<10) } // 15 of them fill a message
	callers := waits(t, c, handles, result)
	may := answers(t, back, queue, requests, result)
	way.set(true)
	close(may)
	settled(t, back, queue)
	together, _ := asked(t, back)
	way.set(false)
	callers.Wait()
	if n := together.Load(); n == 0 || n > requests/4 {
		t.Errorf("asked %d times", n)
	}
}

// submitted submits n requests that meet in an envelope, each a byte with its index.
func submitted(t *testing.T, way *cable, c *natsbatch.Client[[]byte, []byte], n int) []natsbatch.Handle {
	t.Helper()
	handles := make([]natsbatch.Handle, n)
	crowd(way, n, func(i int) {
		var err error
		if handles[i], err = c.Submit(within(t), []byte{byte(i)}); err != nil {
			t.Error(err)
		}
	}).Wait()
	return handles
}

// asked counts how often front ends ask from now on for results of the queue main that are
// together, and for one that is by itself.
func asked(t *testing.T, nc *nats.Conn) (together, single *atomic.Int64) {
	t.Helper()
	together, single = new(atomic.Int64), new(atomic.Int64)
	if _, err := nc.Subscribe("$JS.API.STREAM.MSG.GET.bq_main_res", func(msg *nats.Msg) {
		if strings.Count(string(msg.Data), ".") == strings.Count("bq.main.res.test.FRONT.1", ".") {
			together.Add(1)
		} else {
			single.Add(1)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return together, single
}

// crowded reports whether a connection has more subscriptions at any time until it is
// stopped than at first: callers wait by themselves.
func crowded(nc *nats.Conn) (stop func() bool) {
	before, more := nc.NumSubscriptions(), false
	var watching sync.WaitGroup
	done := make(chan struct{})
	watching.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
				more = more || nc.NumSubscriptions() > before
			}
		}
	})
	return func() bool {
		close(done)
		watching.Wait()
		return more
	}
}

// waits has a caller wait for each result.
func waits(t *testing.T, c *natsbatch.Client[[]byte, []byte], handles []natsbatch.Handle, result func(req []byte) []byte) *sync.WaitGroup {
	t.Helper()
	var callers sync.WaitGroup
	for i, h := range handles {
		callers.Go(func() {
			if res, err := c.Wait(within(t), h); err != nil || !bytes.Equal(res, result([]byte{byte(i)})) {
				t.Errorf("result %d: %d bytes, %v", i, len(res), err)
			}
		})
	}
	return &callers
}

// Callers that wait for long have the server asked for all of them.
func TestCallersThatWaitForLongAskTogether(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{StoreDir: t.TempDir()})
	way, front, back := ends(t, s)
	c := bytesClient(t, front, queue)
	handles := submitted(t, way, c, 100)
	same := func(req []byte) []byte { return req }
	may := answers(t, back, queue, len(handles), same)
	stop := crowded(front)
	together, single := asked(t, back)
	callers := waits(t, c, handles, same)
	for ctx := within(t); together.Load() < 2 && ctx.Err() == nil; { // within 10 s: the first time is for what the cut may have hidden
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(time.Second) // until all have asked who do
	close(may)
	callers.Wait()
	if n := together.Load() + single.Load(); stop() || n > int64(len(handles)/4) {
		t.Errorf("asked %d times, or by each caller", n)
	}
}

// The same holds for results of requests that their front end had to divide, so that
// none are together, once they have been missed.
func TestResultsThatAreNotTogetherAreAskedForOnce(t *testing.T) {
	t.Parallel()
	o := server.Options{StoreDir: t.TempDir()}
	s := serve(t, o)
	way, front, back := ends(t, s)
	c := bytesClient(t, front, queue)
	handles := make([]natsbatch.Handle, 100)
	var accepted sync.WaitGroup
	meanwhile(t, s, o, func() {
		for i := range handles {
			accepted.Go(func() {
				var err error
				if handles[i], err = c.Submit(within(t), bytes.Repeat([]byte{byte(i)}, 2<<10)); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(100 * time.Millisecond) // until they have met
	}, front, back)
	accepted.Wait()
	first := func(req []byte) []byte { return req[:1] }
	may := answers(t, back, queue, len(handles), first)
	callers := waits(t, c, handles, first)
	way.set(true)
	close(may)
	settled(t, back, queue)
	stop := crowded(front)
	way.set(false)
	callers.Wait()
	if stop() {
		t.Error("each caller asked")
	}
}

// A stored result that cannot be read ends the waits of all that it is for, whether its
// event has come or was missed.
func TestAResultThatCannotBeReadEndsAllItsWaits(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{StoreDir: t.TempDir()})
	way, front, back := ends(t, s)
	c := bytesClient(t, front, queue)
	for _, missed := range []bool{false, true} {
		handles := submitted(t, way, c, 2)
		var callers sync.WaitGroup
		for _, h := range handles {
			callers.Go(func() {
				if res, err := c.Wait(within(t), h); err == nil || !strings.Contains(err.Error(), "the result cannot be read") {
					t.Errorf("missed %v: %q, %v", missed, res, err)
				}
			})
		}
		way.set(missed)
		envelopes := make(map[string]bool) // one, unless the requests have not met
		for _, h := range handles {
			envelopes[h.String()[:strings.LastIndex(h.String(), ".")]] = true
		}
		for envelope := range envelopes {
			if _, err := back.Request("bq.main.res.test."+envelope, []byte("no result"), time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		way.set(false)
		callers.Wait()
	}
}

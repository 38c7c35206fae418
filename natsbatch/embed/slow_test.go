package embed_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// What takes longer to send than a server takes to answer is not sent again and again, each
// time too late: the largest request and the largest result, by links that are slow.

var largest = bytes.Repeat([]byte("x"), 980<<10)

// slowly connects by a link that carries so many bytes a second.
func slowly(t *testing.T, s *server.Server, rate int) *nats.Conn {
	t.Helper()
	return dial(t, "nats://"+lay(t, s.Addr(), rate).Addr().String())
}

func TestALargeRequestIsSubmittedByASlowLink(t *testing.T) {
	t.Parallel()
	c := bytesClient(t, slowly(t, serve(t, server.Options{}), 300<<10), queue) // 3 s
	for _, opts := range [][]natsbatch.Option{nil, {natsbatch.Key("k")}} {
		if _, err := c.Submit(within(t), largest, opts...); err != nil {
			t.Errorf("%v: %v", opts, err)
		}
	}
}

func TestALargeResultIsStoredByASlowLink(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{})
	q := natsbatch.Queue{Endpoint: "test", AckWait: 30 * time.Second}
	c := bytesClient(t, dial(t, s.ClientURL()), q)
	h, err := c.Submit(within(t), []byte("r"))
	if err != nil {
		t.Fatal(err)
	}
	close(answers(t, slowly(t, s, 140<<10), q, 1, func([]byte) []byte { return largest })) // 7 s
	if res, err := c.Wait(within(t), h); err != nil || !bytes.Equal(res, largest) {
		t.Errorf("%d bytes, %v", len(res), err)
	}
	settled(t, dial(t, s.ClientURL()), q)
}

func TestALargeStoredResultComesByASlowLink(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{})
	way := lay(t, s.Addr(), 300<<10) // 4.4 s: it comes as JSON
	own, back := bytesClient(t, dial(t, "nats://"+way.Addr().String()), queue), dial(t, s.ClientURL())
	h, err := own.Submit(within(t), []byte("r"))
	if err != nil {
		t.Fatal(err)
	}
	may := answers(t, back, queue, 1, func([]byte) []byte { return largest })
	way.set(true)
	close(may)
	settled(t, back, queue)
	way.set(false)
	for name, c := range map[string]*natsbatch.Client[[]byte, []byte]{"missed it": own, "did not submit it": bytesClient(t, slowly(t, s, 300<<10), queue)} {
		if res, err := c.Wait(within(t), h); err != nil || !bytes.Equal(res, largest) {
			t.Errorf("the front end that %s: %d bytes, %v", name, len(res), err)
		}
	}
}

// So it is where a worker looks whether there is a result yet.
func TestALargeStoredResultIsFoundByASlowLink(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{})
	nc := dial(t, s.ClientURL())
	c := bytesClient(t, nc, queue)
	report := wire.Report{Outcomes: []wire.Outcome{{Data: largest}}}
	if _, err := streams(t, nc).Publish(within(t), "bq.main.res.test.k.aw", wire.AppendReports(nil, report)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Submit(within(t), []byte("r"), natsbatch.Key("k")); err != nil {
		t.Fatal(err)
	}
	w, err := natsbatch.NewWorker(within(t), slowly(t, s, 220<<10), queue, func(_ context.Context, reqs [][]byte) ([][]byte, error) {
		t.Error("it runs")
		return reqs, nil
	}, natsbatch.WorkerOptions{})
	worker(t, w, err) // 6 s
	for ctx := within(t); w.Stats().Messages == 0 && ctx.Err() == nil; {
		time.Sleep(time.Millisecond)
	}
	settled(t, nc, queue)
}

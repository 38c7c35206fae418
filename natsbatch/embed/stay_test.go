package embed_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// staying gives a worker that keeps a request for an hour, since the queue is full, and what
// it tells the server of that request.
func staying(t *testing.T, nc *nats.Conn, q natsbatch.Queue) (w *natsbatch.Worker, told <-chan *nats.Msg) {
	t.Helper()
	submitAll(t, clientOf(t, nc, q), "r")
	fillBeside(t, nc, q)
	acks, own := make(chan *nats.Msg, 1000), make(chan *nats.Msg, 1000)
	if _, err := nc.ChanSubscribe("$JS.ACK.bq_main_req.test_normal.>", acks); err != nil {
		t.Fatal(err)
	}
	failed := make(chan struct{}, 10)
	w, err := natsbatch.NewWorker(within(t), nc, q, func(context.Context, []string) ([]string, error) {
		failed <- struct{}{}
		return nil, natsbatch.Retry(errUp)
	}, natsbatch.WorkerOptions{Backoff: func(int) time.Duration { return time.Hour }})
	worker(t, w, err)
	soon(t, "Func", failed)
	for n := range 3 { // of which one may still be of its run
		msg := soon(t, "a sign that it is worked on", acks)
		if string(msg.Data) != "+WPI" {
			t.Fatalf("the worker said %q", msg.Data)
		}
		if n > 0 {
			continue
		}
		if _, err := nc.ChanSubscribe(msg.Subject, own); err != nil { // not of what it puts into the queue, and gets again
			t.Fatal(err)
		}
	}
	if n := w.Stats().Active; n != 1 {
		t.Errorf("%d requests count as taken, want 1", n)
	}
	return w, own
}

// unlike gives the first of msgs that does not only say that a request is worked on.
func unlike(t *testing.T, what string, msgs <-chan *nats.Msg) string {
	t.Helper()
	for {
		if msg := soon(t, what, msgs); string(msg.Data) != "+WPI" {
			return string(msg.Data)
		}
	}
}

func TestWhatStaysGoesBackOnceThereIsRoom(t *testing.T) {
	t.Parallel()
	nc, q := conn(t), small["messages"]
	w, told := staying(t, nc, q)
	s, err := streams(t, nc).Stream(within(t), "bq_main_req")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(within(t), jetstream.WithPurgeSubject("bq.main.req.other.>")); err != nil {
		t.Fatal(err)
	}
	if said := unlike(t, "that it is settled", told); said != "+ACK" {
		t.Errorf("the worker said %q", said)
	}
	msg, err := s.GetLastMsgForSubject(within(t), "bq.main.req.test.normal")
	if err != nil {
		t.Fatal(err)
	}
	if e, err := wire.DecodeEnvelope(msg.Data); err != nil || len(e.Requests) != 1 || e.Tries != 1 || e.DelayMS == 0 {
		t.Errorf("in the queue there is %+v, %v", e, err)
	}
	for ctx := within(t); w.Stats().Active > 0; time.Sleep(time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatalf("in the end %+v", w.Stats())
		}
	}
}

func TestWhatStaysIsGivenBackByAWorkerThatStops(t *testing.T) {
	t.Parallel()
	nc, q := conn(t), small["messages"]
	w, told := staying(t, nc, q)
	ended := make(chan error, 1)
	go func() { ended <- w.Close() }()
	if err := soon(t, "Close", ended); err != nil {
		t.Fatal(err)
	}
	said := unlike(t, "that it is given back", told)
	var nak struct{ Delay time.Duration }
	if text, ok := strings.CutPrefix(said, "-NAK "); !ok || json.Unmarshal([]byte(text), &nak) != nil || nak.Delay < time.Hour/2 || nak.Delay > 2*time.Hour {
		t.Errorf("the worker said %q, want that it is to wait for what is left of its delay", said)
	}
	if n := w.Stats().Active; n != 0 {
		t.Errorf("%d requests count as taken in the end", n)
	}
}

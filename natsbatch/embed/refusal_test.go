package embed_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
)

// A worker whose consumers are gone asks for them now and then, says so, and
// goes on when they are back.
func TestAWorkerWithoutConsumers(t *testing.T) {
	nc := conn(t)
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	w, err := natsbatch.NewWorker(within(t), nc, queue, echo, natsbatch.WorkerOptions{})
	worker(t, w, err)
	wantDo(t, c)
	if err := w.Health(within(t)); err != nil {
		t.Errorf("at first: %v", err)
	}

	js := streams(t, nc)
	var pulls atomic.Int64
	if _, err := nc.Subscribe("$JS.API.CONSUMER.MSG.NEXT.>", func(*nats.Msg) { pulls.Add(1) }); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"again", "high", "normal", "low"} {
		if err := js.DeleteConsumer(within(t), "bq_main_req", "test_"+line); err != nil {
			t.Fatal(err)
		}
	}
	sick(t, w, "pulls for consumer test_")
	if n := pulls.Load(); n > 200 {
		t.Errorf("%d pulls in about a second", n)
	}

	if err := natsbatch.Setup(within(t), nc, queue); err != nil {
		t.Fatal(err)
	}
	wantDo(t, c)
	for w.Health(within(t)) != nil { // until it has asked for all lines
	}
}

// However many requests are put off, others run.
func TestManyThatArePutOffHoldNobodyUp(t *testing.T) {
	t.Parallel()
	nc := conn(t)
	q := natsbatch.Queue{Endpoint: "test", Memory: true}
	c := clientOf(t, nc, q)
	later := wire.Envelope{Kind: wire.KindSubmit, From: "f", DelayMS: uint64(time.Hour.Milliseconds()), Requests: []wire.Request{{Payload: []byte(`"r"`)}}}
	const many = 100_100
	for i := range many {
		if err := nc.Publish("bq.main.req.test.normal", later.Append(nil)); err != nil {
			t.Fatal(err)
		}
		if i%1000 == 0 {
			c.Health(within(t)) // until it has stored these
		}
	}
	w, err := natsbatch.NewWorker(within(t), nc, q, echo, natsbatch.WorkerOptions{})
	worker(t, w, err)
	for end := time.Now().Add(4 * time.Minute); w.Stats().Messages < many; time.Sleep(10 * time.Millisecond) { // a busy machine takes more than one of them
		if time.Now().After(end) {
			t.Fatalf("it has taken %d messages of %d", w.Stats().Messages, many)
		}
	}
	wantDo(t, c)
}

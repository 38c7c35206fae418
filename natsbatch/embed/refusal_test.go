package embed_test

import (
	"sync/atomic"
	"testing"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
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

	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
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

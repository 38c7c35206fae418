package embed_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// A server that has lost its store needs Setup, and then front ends and workers that were there
// before go on.
func TestAServerThatComesBackEmpty(t *testing.T) {
	s := serve(t, server.Options{})
	port := s.Addr().(*net.TCPAddr).Port
	nc := dial(t, s.ClientURL())
	back := nc.StatusChanged(nats.CONNECTED)
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	w, err := natsbatch.NewWorker(within(t), nc, queue, echo, natsbatch.WorkerOptions{})
	worker(t, w, err)
	if _, err := c.Do(within(t), "before"); err != nil {
		t.Fatal(err)
	}
	s.Shutdown()
	s.WaitForShutdown()
	serve(t, server.Options{Port: port})
	soon(t, "the connection", back)
	if there, err := natsbatch.Exists(within(t), nc, queue); there || err != nil {
		t.Fatalf("there is a queue: %v, %v", there, err)
	}
	if err := natsbatch.Setup(within(t), nc, queue); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Do(within(t), "after"); got != "after" || err != nil {
		t.Errorf("Do: %q, %v", got, err)
	}
	for _, opts := range [][]natsbatch.Option{nil, {natsbatch.Key("k")}} {
		h, err := c.Submit(within(t), "after", opts...)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Wait(within(t), h); got != "after" || err != nil {
			t.Errorf("Wait: %q, %v", got, err)
		}
	}
	for what, health := range map[string]func(context.Context) error{"front end": c.Health, "worker": w.Health} {
		for start := time.Now(); ; time.Sleep(10 * time.Millisecond) { // a line whose pull was refused is asked again within a second
			err := health(within(t))
			if err == nil {
				break
			}
			if time.Since(start) > 30*time.Second {
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
}

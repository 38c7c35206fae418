package embed_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// each calls Do and both kinds of Submit at the same time, and gives what they
// come to.
func each(t *testing.T, c *natsbatch.Client[string, string]) map[string]error {
	t.Helper()
	calls := map[string]func() error{
		"Do":     func() error { return second(c.Do(context.Background(), "r")) },
		"Submit": func() error { return second(c.Submit(context.Background(), "r")) },
		"Key":    func() error { return second(c.Submit(context.Background(), "r", natsbatch.Key("k"))) },
	}
	came := make(map[string]chan error)
	for name, call := range calls {
		ch := make(chan error, 1)
		go func() { ch <- call() }()
		came[name] = ch
	}
	errs := make(map[string]error)
	for name, ch := range came {
		select {
		case errs[name] = <-ch:
		case <-time.After(time.Minute):
			t.Fatalf("%s hangs", name)
		}
	}
	return errs
}

// Who may not publish is told so, and that nothing was accepted.
func TestWithoutTheRightToPublish(t *testing.T) {
	s := serve(t, server.Options{Users: []*server.User{{Username: "all"}, {Username: "some", Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{">"}, Deny: []string{"bq.main.req.>"}}}}}})
	if err := natsbatch.Setup(within(t), dial(t, s.ClientURL(), nats.UserInfo("all", "")), queue); err != nil {
		t.Fatal(err)
	}
	c := client[string, string](t, dial(t, s.ClientURL(), nats.UserInfo("some", "")), natsbatch.ClientOptions{})
	for name, err := range each(t, c) {
		if !errors.Is(err, nats.ErrPermissionViolation) || errors.Is(err, natsbatch.ErrUnknownOutcome) || !strings.Contains(err.Error(), "bq.main.req.test.normal") {
			t.Errorf("%s: %v, want that there is no right to", name, err)
		}
	}
}

// A request that no stream can have is known not to be accepted.
func TestWithoutJetStream(t *testing.T) {
	t.Parallel() // it takes half a minute
	s := serve(t, server.Options{})
	c := client[string, string](t, dial(t, s.ClientURL()), natsbatch.ClientOptions{})
	if err := s.DisableJetStream(); err != nil {
		t.Fatal(err)
	}
	for err := error(nil); !errors.Is(err, jetstream.ErrNoStreamResponse); err = c.Health(within(t)) {
		time.Sleep(10 * time.Millisecond)
	}
	for name, err := range each(t, c) {
		if err == nil || errors.Is(err, natsbatch.ErrUnknownOutcome) || !strings.Contains(err.Error(), "not accepted: no stream takes it") {
			t.Errorf("%s: %v, want that it was not accepted", name, err)
		}
	}
}

// What may have been accepted is told apart, with what is known.
func TestWithoutAConnectionForLong(t *testing.T) {
	t.Parallel() // it takes half a minute
	s := serve(t, server.Options{})
	way := lay(t, s)
	c := client[string, string](t, dial(t, "nats://"+way.Addr().String()), natsbatch.ClientOptions{})
	way.set(true)
	for name, err := range each(t, c) {
		if !errors.Is(err, natsbatch.ErrUnknownOutcome) || !strings.Contains(err.Error(), "the connection is RECONNECTING") {
			t.Errorf("%s: %v, want ErrUnknownOutcome and why", name, err)
		}
	}
	way.set(false)
}

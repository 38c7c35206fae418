package embed_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats-server/v2/server"
)

// causes is an error that cannot be compared.
type causes []error

func (causes) Error() string { return "several" }

func TestSubmitEndsWithAnyCause(t *testing.T) {
	s := serve(t, server.Options{})
	way := lay(t, s.Addr(), 0)
	c := client[string, string](t, dial(t, "nats://"+way.Addr().String()), natsbatch.ClientOptions{})
	way.set(true)
	for name, call := range map[string]func(context.Context) error{
		"Do":     func(ctx context.Context) error { return second(c.Do(ctx, "r")) },
		"Submit": func(ctx context.Context) error { return second(c.Submit(ctx, "r")) },
		"Key":    func(ctx context.Context) error { return second(c.Submit(ctx, "r", natsbatch.Key("k"))) },
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(50*time.Millisecond, func() { cancel(causes{errors.New("a")}) })
		err := call(ctx)
		if got := (causes{}); !errors.As(err, &got) || len(got) != 1 {
			t.Errorf("%s: %v, want the cause", name, err)
		}
	}
	way.set(false)
}

// Close waits for what is under way, with a Key too.
func TestCloseWaitsForSubmit(t *testing.T) {
	s := serve(t, server.Options{})
	way := lay(t, s.Addr(), 0)
	c := client[string, string](t, dial(t, "nats://"+way.Addr().String()), natsbatch.ClientOptions{})
	for c.Health(within(t)) != nil {
		time.Sleep(time.Millisecond)
	}
	way.set(true)
	submitted, closed := make(chan error, 2), make(chan error, 1)
	for _, opts := range [][]natsbatch.Option{nil, {natsbatch.Key("k")}} {
		go func() { submitted <- second(c.Submit(context.Background(), "r", opts...)) }()
	}
	time.Sleep(100 * time.Millisecond) // until both are under way
	go func() { closed <- c.Close() }()
	time.Sleep(100 * time.Millisecond)
	select {
	case err := <-closed:
		t.Fatalf("Close has returned %v before Submit", err)
	default:
	}
	way.set(false)
	soon(t, "Close", closed)
	for range 2 {
		select {
		case err := <-submitted:
			if err != nil {
				t.Errorf("Submit: %v", err)
			}
		case <-time.After(time.Second):
			t.Error("Submit is under way after Close")
		}
	}
}

// A Shutdown that runs out of time ends a Submit with a Key as it does others.
func TestShutdownEndsSubmit(t *testing.T) {
	s := serve(t, server.Options{})
	way := lay(t, s.Addr(), 0)
	c := client[string, string](t, dial(t, "nats://"+way.Addr().String()), natsbatch.ClientOptions{})
	way.set(true)
	submitted := make(chan error, 2)
	for _, opts := range [][]natsbatch.Option{nil, {natsbatch.Key("k")}} {
		go func() { submitted <- second(c.Submit(context.Background(), "r", opts...)) }()
	}
	time.Sleep(100 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := c.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
	for range 2 {
		if err := soon(t, "Submit", submitted); !errors.Is(err, natsbatch.ErrUnknownOutcome) {
			t.Errorf("Submit: %v, want ErrUnknownOutcome", err)
		}
	}
}

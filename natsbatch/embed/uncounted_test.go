package embed_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
)

// What fails for want of room in its worker's process runs until there is some, and only
// its other errors count.
func TestRunsThatDoNotCount(t *testing.T) {
	t.Parallel()
	nc := conn(t)
	c, a := client[string, string](t, nc, natsbatch.ClientOptions{}), admin(t, nc, queue)
	const free = 12
	var seen []string // by one run at a time
	fn := func(ctx context.Context, reqs []string) ([]string, error) {
		tries := natsbatch.Metas(ctx)[0].Tries
		seen = append(seen, fmt.Sprint(tries))
		return nil, &natsbatch.RetryError{Err: errUp, Uncounted: len(seen) <= free}
	}
	opts := natsbatch.WorkerOptions{MaxDeliveries: 3, Backoff: func(try int) time.Duration { return time.Duration(try) * time.Millisecond }}
	w, err := natsbatch.NewWorker(within(t), nc, queue, fn, opts)
	worker(t, w, err)
	die(t, within(t), c, natsbatch.Key("k"))
	letter := letters(t, a, 1)[0]
	if letter.Tries != 2 || len(seen) != free+2 || seen[free] != "0" || seen[free+1] != "1" {
		t.Errorf("a letter of %d tries, and runs after %v", letter.Tries, seen)
	}
	if s := w.Stats(); s.Retried != free+1 || s.Dead != 1 {
		t.Errorf("got %+v", s)
	}
}

// Where the whole queue is full too, they run again here.
func TestRunsThatDoNotCountInAFullQueue(t *testing.T) {
	t.Parallel()
	nc, q := conn(t), small["bytes"]
	c := clientOf(t, nc, q)
	h, err := c.Submit(within(t), "r", natsbatch.Key("k"))
	if err != nil {
		t.Fatal(err)
	}
	fillBeside(t, nc, q)
	runs := 0 // one at a time
	fn := func(_ context.Context, reqs []string) ([]string, error) {
		if runs++; runs <= 12 {
			return nil, &natsbatch.RetryError{Err: errUp, Uncounted: true}
		}
		return reqs, nil
	}
	w, err := natsbatch.NewWorker(within(t), nc, q, fn, natsbatch.WorkerOptions{MaxDeliveries: 3, Backoff: func(int) time.Duration { return time.Millisecond }})
	worker(t, w, err)
	wantAll(t, c, []natsbatch.Handle{h})
}

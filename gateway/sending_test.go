package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/gateway"
)

// A call without an answer still tells how long it queued and how long the
// upstream had, if a batch has gone.
func TestTimingOfCallsWithoutAnAnswer(t *testing.T) {
	for body, want := range map[string]string{
		"hang":         `^queue;dur=100\.000, upstream;dur=900\.000, batch;desc="id=\w+-\d+ size=1 trigger=delay"$`,
		"hang,hang":    `^queue;dur=0\.000, upstream;dur=1000\.000, batch;desc="id=\w+-\d+ size=2 trigger=size"$`,
		"a,b,c,d,hang": `^queue;dur=600\.000, upstream;dur=400\.000, batch;desc="id=\w+-\d+ size=1 trigger=\w+"$`,
	} {
		synctest.Test(t, func(t *testing.T) {
			u := &upper{send: func(ctx context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
				if strings.Contains(string(body), "hang") {
					<-ctx.Done()
					return gateway.Answer{}, ctx.Err()
				}
				time.Sleep(300 * time.Millisecond)
				return shout(body), nil
			}}
			h := newHandler(t, gateway.Route{Upstream: u, Delay: 100 * time.Millisecond, MaxConcurrent: 1, MaxItems: 2, Timeout: time.Second}, gateway.Options{})
			got := post(h, body)
			wantAnswer(t, got, 504, "no answer in time")
			if timing := got.Header().Get("Server-Timing"); !regexp.MustCompile(want).MatchString(timing) {
				t.Errorf("%s: %q, want %s", body, timing, want)
			}
		})
	}
}

func TestObserverIsToldOfWhoLeftABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upper{send: func(ctx context.Context, _ gateway.Key, _ []byte) (gateway.Answer, error) {
			<-ctx.Done()
			return gateway.Answer{}, ctx.Err()
		}}
		var w witness
		h := newHandler(t, gateway.Route{Upstream: u, Delay: 100 * time.Millisecond, Timeout: -1}, gateway.Options{Observer: w.observer()})
		ctx, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, leave)
		serve(h, httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader("a,b")))
		synctest.Wait()
		if s := w.served[0]; s.Status != 499 || s.Queued != 100*time.Millisecond || s.Upstream != 900*time.Millisecond || len(s.Batches) != 1 || s.Batches[0].Size != 2 {
			t.Errorf("served %+v", s)
		}
		if w.exchanged[0].Batch.ID != w.served[0].Batches[0].ID {
			t.Errorf("exchanged %+v", w.exchanged[0])
		}
	})
}

// leaving is a Dispatcher that has its items processed, and waits on after
// their answer: as if another of their call had none.
type leaving struct {
	*batcher.Batcher[gateway.Item, gateway.Outcome]
}

func (d leaving) Dispatch(ctx context.Context, _ gateway.Key, items []gateway.Item) ([]gateway.Outcome, error) {
	_, _ = d.Do(ctx, items[0])
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// After its answer a batch takes no more of the upstream's time.
func TestTimingAfterTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upper{send: func(_ context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
			time.Sleep(300 * time.Millisecond)
			return shout(body), nil
		}}
		r := gateway.Route{Pattern: "/", Protocol: words{}, Upstream: u, Timeout: time.Second}
		process, err := r.Process(gateway.Observer{})
		if err != nil {
			t.Fatal(err)
		}
		r.Dispatcher = leaving{batcher.New(func(ctx context.Context, items []gateway.Item) ([]gateway.Outcome, error) {
			return process(ctx, gateway.Key{}, items)
		}, batcher.Options{})}
		got := post(newHandler(t, r, gateway.Options{}), "a")
		wantAnswer(t, got, 504, "no answer in time")
		if timing := got.Header().Get("Server-Timing"); !strings.HasPrefix(timing, "queue;dur=700.000, upstream;dur=300.000, batch;") {
			t.Errorf("%q", timing)
		}
	})
}

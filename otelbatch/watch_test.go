package otelbatch_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/otelbatch"
	"go.opentelemetry.io/otel/attribute"
)

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSDK(t)
		telemetry := s.telemetry()
		answer := make(chan error)
		b := batcher.New(otelbatch.Func(func(_ context.Context, reqs []int) ([]int, error) {
			return reqs, <-answer
		}, telemetry), batcher.Options{MaxSize: 3, Manual: true})
		stop, err := telemetry.Watch(b.Stats)
		if err != nil {
			t.Fatal(err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		submit := func(n int) {
			for i := range n {
				b.Submit(t.Context(), i)
			}
			b.Flush()
			synctest.Wait()
		}
		submit(3)
		answer <- nil
		submit(2)
		answer <- errors.New("no disk")
		submit(1)
		b.Submit(ended, 0)
		withdrawn := b.Submit(t.Context(), 0)
		withdrawn.Cancel()
		submit(1)

		s.wantSums("batcher.requests", map[attribute.Set]int64{
			rows("batcher.outcome", "succeeded"): 3,
			rows("batcher.outcome", "failed"):    2,
			rows("batcher.outcome", "canceled"):  1,
			rows("batcher.outcome", "rejected"):  1,
		})
		s.wantSums("batcher.request.pending", map[attribute.Set]int64{rows(): 2})
		s.wantSums("batcher.batch.running", map[attribute.Set]int64{rows(): 1})
		s.wantSums("batcher.batch.size_limit", map[attribute.Set]int64{rows(): 3})

		close(answer)
		b.Close()
		s.wantSums("batcher.request.pending", map[attribute.Set]int64{rows(): 0})
		if err := stop(); err != nil {
			t.Error(err)
		}
		s.wantSums("batcher.request.pending", nil)
	})
}

func TestNoSizeLimit(t *testing.T) {
	s := newSDK(t)
	telemetry := s.telemetry()
	b := batcher.New(otelbatch.Func(echo(0), telemetry), batcher.Options{})
	if _, err := telemetry.Watch(b.Stats); err != nil {
		t.Fatal(err)
	}
	s.wantSums("batcher.batch.size_limit", nil)
	s.wantSums("batcher.batch.running", map[attribute.Set]int64{rows(): 0})
}

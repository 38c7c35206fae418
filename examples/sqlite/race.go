package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/loader"
)

const (
	callers = 64
	rounds  = 5                     // each way has a turn in every round
	span    = 80 * time.Millisecond // of a turn
)

// options are the same for all batches. One slot is the default, and right
// for SQLite, which has one writer: what comes while it commits is the next
// batch, and nobody waits for a timer.
var options = batcher.Options{MaxSize: 1000}

// work is what a caller does over and over.
type work func(ctx context.Context) error

// race measures inserts and look-ups, one by one and batched.
func race(ctx context.Context, out io.Writer, s *store) error {
	var inserted atomic.Int64
	inserts := func(insert func(context.Context, order) (int64, error)) work {
		return func(ctx context.Context) error {
			_, err := insert(ctx, order{Reference: fmt.Sprint("race-", inserted.Add(1)), Quantity: 1})
			return err
		}
	}
	lookUps := func(get func(context.Context, int64) (order, error)) work {
		return func(ctx context.Context) error {
			_, err := get(ctx, 1+rand.Int64N(inserted.Load()))
			return err
		}
	}
	transactions := batcher.New(s.insertAll, options)
	statements := batcher.New(s.insertMany, options)
	orders := loader.New(s.find, loader.Options[int64, order]{Batch: options, NoCache: true})

	version, err := s.version(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "SQLite %s, %d callers\n\n", version, callers)
	fmt.Fprintf(out, "%-28s %14s %14s\n", "", "one by one", "batched")
	for _, line := range []struct {
		name            string
		single, batched work
	}{
		{"insert in one transaction", inserts(s.insert), inserts(transactions.Do)},
		{"insert by one statement", inserts(s.insert), inserts(statements.Do)},
		{"look up by one query", lookUps(s.get), lookUps(orders.Load)},
	} {
		if err := compare(ctx, out, line.name, line.single, line.batched); err != nil {
			return err
		}
	}
	stored, err := s.count(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%d inserts were answered, %d rows are stored.\n", inserted.Load(), stored)
	return nil
}

// compare prints the rates of two ways to do the same work. They take turns,
// so that a disk that is slow for a while is slow for both.
func compare(ctx context.Context, out io.Writer, name string, single, batched work) error {
	var before, after float64
	for range rounds {
		b, err := rate(ctx, single)
		if err != nil {
			return err
		}
		a, err := rate(ctx, batched)
		if err != nil {
			return err
		}
		before, after = before+b/rounds, after+a/rounds
	}
	fmt.Fprintf(out, "%-28s %12.0f/s %12.0f/s %8.1f times\n", name, before, after, after/before)
	return nil
}

// rate has all callers work for a span and gives how often a second they did.
func rate(ctx context.Context, work work) (float64, error) {
	var done atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	for range callers {
		group.Go(func() error {
			for time.Since(began) < span {
				if err := work(ctx); err != nil {
					return err
				}
				done.Add(1)
			}
			return nil
		})
	}
	err := group.Wait()
	return float64(done.Load()) / time.Since(began).Seconds(), err
}

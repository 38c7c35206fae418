package natsbatch

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// QueueStats are the figures of a queue, over all front ends and workers. A
// message carries up to 256 requests.
type QueueStats struct {
	Lanes      [3]LaneStats  // by Priority
	Again      LaneStats     // of those whose worker did not settle them, whatever their priority
	OldestAge  time.Duration // of the oldest message not settled; zero: there is none
	Dead       uint64        // dead letters of this endpoint
	QueueBytes uint64        // on disk, of the whole namespace
	QueueLimit uint64        // beyond which new requests are refused
}

// LaneStats are the figures of one line.
type LaneStats struct {
	Waiting     uint64 // messages that no worker has
	Held        uint64 // messages that workers have and have not settled
	Redelivered uint64 // of these, those that another worker has had before
}

// Stats asks the server for the figures of the queue.
func (a *Admin) Stats(ctx context.Context) (QueueStats, error) { return a.stats(ctx) }

func (t *topology) stats(ctx context.Context) (s QueueStats, err error) {
	info, err := t.requests.Info(ctx)
	if err != nil {
		return s, fmt.Errorf("natsbatch: %w", err)
	}
	s.QueueBytes, s.QueueLimit = info.State.Bytes, uint64(t.queue.MaxBytes)
	for _, l := range order {
		c, err := t.requests.Consumer(ctx, t.queue.consumer(l))
		if err != nil {
			return s, fmt.Errorf("natsbatch: consumer %s: %w", t.queue.consumer(l), err)
		}
		lane := &s.Again
		if l != lineAgain {
			lane = &s.Lanes[l]
		}
		ci := c.CachedInfo()
		*lane = LaneStats{Waiting: ci.NumPending, Held: uint64(ci.NumAckPending), Redelivered: uint64(ci.NumRedelivered)}
		if err := t.oldest(ctx, l, &s); err != nil {
			return s, err
		}
	}
	dead, err := t.dead.Info(ctx, jetstream.WithSubjectFilter(t.queue.deadSubject()))
	if err != nil {
		return s, fmt.Errorf("natsbatch: %w", err)
	}
	s.Dead = dead.State.Subjects[t.queue.deadSubject()]
	return s, nil
}

// oldest enters the age of the first message of a line.
func (t *topology) oldest(ctx context.Context, l line, s *QueueStats) error {
	msg, err := t.requests.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(t.queue.requestSubject(l)))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("natsbatch: find the oldest request: %w", err)
	}
	s.OldestAge = max(s.OldestAge, time.Since(msg.Time))
	return nil
}

// Usage is what a namespace's requests take, and may.
type Usage struct {
	Bytes, MaxBytes       int64 // on disk
	Messages, MaxMessages int64
}

// Usage asks the server, by one question, how full the queue is: what QueueStats say of
// that takes ten.
func (a *Admin) Usage(ctx context.Context) (Usage, error) {
	info, err := a.requests.Info(ctx)
	if err != nil {
		return Usage{}, fmt.Errorf("natsbatch: %w", err)
	}
	return Usage{int64(info.State.Bytes), a.queue.MaxBytes, int64(info.State.Msgs), a.queue.MaxMessages}, nil
}

// WorkerStats count what a worker has done since it was made.
type WorkerStats struct {
	Batches     uint64 // that Func ran
	Requests    uint64 // in these batches: Requests / Batches / Size is the pull efficiency
	Size        int    // what a full batch holds
	Messages    uint64 // taken from the queue
	Redelivered uint64 // of these, those that a worker had before
	Expired     uint64 // requests that did not run: their deadline had passed
	Retried     uint64 // requests put back because of an error of Retry, a panic or a timeout
	HandedBack  uint64 // requests put back because of Shutdown
	Dead        uint64 // requests moved to the dead letters
	Active      int    // requests taken and not run
}

// figures are a worker's WorkerStats while they grow.
type figures struct {
	batches, requests, messages, redelivered, expired, retried, handedBack, dead atomic.Uint64
}

// Stats returns the counters. They are read one after the other.
func (w *Worker) Stats() WorkerStats {
	f := &w.figures
	return WorkerStats{
		Batches:     f.batches.Load(),
		Requests:    f.requests.Load(),
		Size:        w.opts.Batch.MaxSize,
		Messages:    f.messages.Load(),
		Redelivered: f.redelivered.Load(),
		Expired:     f.expired.Load(),
		Retried:     f.retried.Load(),
		HandedBack:  f.handedBack.Load(),
		Dead:        f.dead.Load(),
		Active:      w.collector.active(),
	}
}

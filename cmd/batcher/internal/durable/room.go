package durable

import (
	"context"
	"encoding/base64"
	"fmt"
	"sync"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
)

// room keeps half of a queue free of requests that nobody waits for: each needs room
// there once more in order to run, and of those that fill a queue none would ever
// run. Other processes let requests in at the same time, so each has only so much under
// way of which the others cannot know. A message counts as its part of
// MaxMessages if that is more than its bytes. A room is safe for concurrent use.
type room struct {
	usage func(context.Context) (natsbatch.Usage, error)

	turn chan struct{}   // holds a value while a request enters, and while too much is under way; guards what follows
	read natsbatch.Usage // as last heard of
	at   time.Time       // when that was asked for, or was not answered
	seen int64           // what ended was when read was asked for
	mute bool            // the last question was not answered

	mu           sync.Mutex // guards what follows; begun changes only in turn
	begun, ended int64      // of all that have entered, and of those that have left
	closed       bool       // leave gives the turn back
}

const (
	laterShare = 2                      // requests that nobody waits for may fill one part in so many
	mostShare  = 4                      // one alone, which needs more to run
	underWay   = 16                     // those of a process that the last reading may not show
	fresh      = 100 * time.Millisecond // how old that may be
	usageTime  = 2 * time.Second        // how long it may take
	turnTime   = 30 * time.Second       // how long a turn may take to come: as long as the queue to answer
)

var errNoTurn = fmt.Errorf("the queue has not answered those before it for %v", turnTime)

func newRoom(ctx context.Context, usage func(context.Context) (natsbatch.Usage, error)) (*room, error) {
	r := &room{usage: usage, turn: make(chan struct{}, 1), at: time.Now()}
	var err error
	r.read, err = usage(ctx)
	return r, err
}

// enter waits for the turn of a request that will take so many bytes of the queue, and
// lets it in, or returns an error that wraps natsbatch.ErrFull, or ErrTooLarge where
// it never will. leave must be called when it is known whether the queue has it.
func (r *room) enter(ctx context.Context, bytes int64) (leave func(), err error) {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-time.After(turnTime):
		return nil, errNoTurn
	}
	n := max(bytes, each(r.read))
	if n > r.read.MaxBytes/mostShare {
		<-r.turn
		return nil, fmt.Errorf("%w: it would take %d bytes of a queue of %d", natsbatch.ErrTooLarge, n, r.read.MaxBytes)
	}
	unseen := r.unseen()
	matters := unseen > r.read.MaxBytes/underWay || unseen > 0 && r.isOver(unseen+n)
	if matters && !r.mute || time.Since(r.at) >= fresh {
		if err := r.ask(ctx); err != nil {
			<-r.turn
			return nil, err
		}
		unseen = r.unseen()
	}
	if r.isOver(unseen + n) {
		<-r.turn
		return nil, natsbatch.ErrFull
	}
	r.mu.Lock()
	r.begun += n
	much := r.isMuch()
	r.closed = much
	r.mu.Unlock()
	if !much {
		<-r.turn
	}
	return func() { r.leave(n) }, nil
}

// leave notes that a request of enter has left, and lets the next one enter if that
// waits for it.
func (r *room) leave(n int64) {
	r.mu.Lock()
	r.ended += n
	opens := r.closed && !r.isMuch()
	r.closed = r.closed && !opens
	r.mu.Unlock()
	if opens {
		<-r.turn
	}
}

// isMuch reports whether the next request has to wait. r.mu is held.
func (r *room) isMuch() bool { return r.begun-r.ended > r.read.MaxBytes/underWay }

// ask reads how full the queue is. A server that does not say keeps nobody out: it may be
// about to hand over to another, for which accepting a request waits too.
func (r *room) ask(ctx context.Context) error {
	r.mu.Lock()
	ended := r.ended
	r.mu.Unlock()
	at := time.Now()
	limited, cancel := context.WithTimeout(ctx, usageTime)
	defer cancel()
	read, err := r.usage(limited)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if r.mute = err != nil; r.mute {
		r.at = time.Now()
		return nil
	}
	r.read, r.at, r.seen = read, at, ended
	return nil
}

// unseen is what has entered and may not be in the last reading.
func (r *room) unseen() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.begun - r.seen
}

func (r *room) isOver(more int64) bool { return isOver(r.read, more) }

// isOver reports whether a queue has no room for so many bytes more of requests that
// nobody waits for.
func isOver(u natsbatch.Usage, more int64) bool {
	return max(u.Bytes, u.Messages*each(u))+more > u.MaxBytes/laterShare
}

// each is what a message takes at least.
func each(u natsbatch.Usage) int64 { return u.MaxBytes / u.MaxMessages }

// size returns about how many bytes of the queue a request takes, rather too many.
func (req httpRequest) size() int64 {
	text := base64.StdEncoding.EncodedLen
	n := 1<<10 + len(req.Method) + len(req.Host) + text(len(req.URI)) + text(len(req.Body))
	for name, values := range req.Header {
		n += len(name) + 8
		for _, v := range values {
			n += text(len(v)) + 4
		}
	}
	return int64(n)
}

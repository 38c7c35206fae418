package batcher

import (
	"container/list"
	"context"
	"errors"
	"time"
)

// admission bounds the requests accepted and not yet answered. Those that
// wait for room get it in the order in which they came; nobody overtakes
// them. Its owner's lock guards it.
type admission struct {
	used    int       // taken
	limit   int       // zero: none
	waiting list.List // of *entrant
}

// enter takes room for one request, if there is any and nobody waits for it.
func (a *admission) enter() bool {
	if a.limit > 0 && (a.used >= a.limit || a.waiting.Len() > 0) {
		return false
	}
	a.used++
	return true
}

// leave gives back the room of n requests. Those that wait for room get it at
// the end of the critical section.
func (a *admission) leave(n int, then *after) {
	a.used -= n
	if a.waiting.Len() > 0 {
		then.any = true
	}
}

// errNoRoom tells the caller of admit to stand in line.
var errNoRoom = errors.New("batcher: no room")

// entrant is a request that waits for room. The goroutine that makes room puts
// it into its batch. If callers were woken to do that themselves, the last of
// several might come first, and waking one after the other puts the scheduler
// between them: with 1,000 Dos and room for 64 a request took 1.3 times as long
// that way, in batches of 24.
type entrant[Req, Res any] struct {
	entry
	due     time.Duration
	req     Req
	of      func() *Batcher[Req, Res] // the Batcher it belongs to; called with the pool's lock held
	submits bool                      // it is a Submit's: the end of its context withdraws it

	let   chan struct{}    // closed when it is in a batch, or is turned away
	batch *Batch[Req, Res] // the batch that it is in, or nil
	index int
	watch int // of batch, if fresh
	fresh bool
}

// letIn gives room to those that wait for it. p.mu is held.
func (p *pool[Req, Res]) letIn() {
	for a := &p.room; a.waiting.Len() > 0 && a.used < a.limit; {
		w := p.callNext()
		select {
		case <-w.done:
			continue // its caller knows, and needs no room
		default:
		}
		a.used++
		w.batch, w.index = w.of().join(w.entry, w.due, w.req)
		w.batch.known = true
		if w.submits && w.done != nil {
			w.watch, w.fresh = w.batch.watch(w.done, w.index)
		}
	}
}

// turnAway refuses all that wait. p.mu is held.
func (p *pool[Req, Res]) turnAway() {
	for p.room.waiting.Len() > 0 {
		p.callNext()
	}
}

// callNext wakes the first in line. p.mu is held.
func (p *pool[Req, Res]) callNext() *entrant[Req, Res] {
	w := p.room.waiting.Remove(p.room.waiting.Front()).(*entrant[Req, Res])
	p.after.close(w.let)
	return w
}

// stand waits until the request is in a batch, or returns the reason why it will
// not be. p.mu is held, and released.
func (p *pool[Req, Res]) stand(w *entrant[Req, Res]) (err error) {
	w.let = make(chan struct{})
	place := p.room.waiting.PushBack(w)
	p.mu.Unlock()
	asked := false
	defer func() {
		if asked {
			return
		}
		if entered, _ := p.quit(w, place); entered { // the context has panicked
			w.batch.depart(w.index, ErrCanceled)
		}
	}()
	select {
	case <-w.let:
	case <-w.done:
	}
	var cause error
	if w.done != nil {
		cause = context.Cause(w.ctx) // nil if it has not ended; foreign code, so not under the lock
	}
	asked = true
	switch entered, closed := p.quit(w, place); {
	case entered:
		if cause != nil && w.fresh {
			w.batch.expire(w.watch)
		}
		return nil
	case closed:
		cause = ErrClosed
	case cause == nil:
		cause = ErrCanceled // see causeOf
	}
	return p.reject(cause)
}

// quit takes a request out of the line, unless it is in a batch already. p.mu
// is not held.
func (p *pool[Req, Res]) quit(w *entrant[Req, Res], place *list.Element) (entered, closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.room.waiting.Remove(place)
	return w.batch != nil, p.closed
}

// submit is the rest of Submit if admit has returned err.
func (w *entrant[Req, Res]) submit(p *pool[Req, Res], err error) Future[Res] {
	w.submits = true
	if err == errNoRoom {
		err = p.stand(w)
	}
	if err != nil {
		return refused[Res](err)
	}
	if w.fresh {
		w.batch.follow(w.ctx, w.watch)
	}
	return Future[Res]{of: &w.batch.outcome, index: w.index}
}

// do is the rest of Do if admit has returned err.
func (w *entrant[Req, Res]) do(p *pool[Req, Res], err error) (res Res, _ error) {
	if err == errNoRoom {
		err = p.stand(w)
	}
	if err != nil {
		return res, err
	}
	return w.batch.stay(w.entry, w.index)
}

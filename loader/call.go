package loader

import (
	"cmp"
	"context"

	"github.com/gobatcher/batcher"
)

// call is one key on its way: the request that goes through the Batcher, and
// what all who load the key meanwhile share. It lives while one of them waits.
// With a string for a key it has 56 bytes.
type call[K comparable, V any] struct {
	key K

	// Loader.mu guards what follows.
	entry    *entry[K, V] // where a Load of the key joins; nil once none may
	waiters  int32        // callers that have not left
	fetching bool         // its fetch has begun

	// A goroutine that has seen submitted with the lock held, or ready closed,
	// may read future and ready without it: they no longer change.
	submitted bool
	future    batcher.Future[V]
	ready     chan struct{} // closed once submitted; nil if nobody needed it
}

// find answers key from the cache, or returns the call under way for it, which
// the caller then waits for. l.mu is held.
func (l *Loader[K, V]) find(key K) (answer batcher.Result[V], c *call[K, V], known bool) {
	if key != key { // NaN: no map would ever give it back
		return batcher.Result[V]{Err: missing[K]{key}}, nil, true
	}
	answer, cached, c := l.table.find(key)
	if c == nil {
		return answer, nil, cached
	}
	c.waiters++
	if !c.submitted && c.ready == nil {
		c.ready = make(chan struct{})
	}
	return answer, c, true
}

// ask answers key from the cache or returns the call that will: one under way,
// or a new one, which the caller must start. A refusal is the answer instead of
// a new one.
func (l *Loader[K, V]) ask(key K, refusal error) (answer batcher.Result[V], c *call[K, V], first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	answer, c, known := l.find(key)
	if known {
		return answer, c, false
	}
	if refusal != nil {
		return batcher.Result[V]{Err: refusal}, nil, false
	}
	c = new(call[K, V])
	l.list(c, new(entry[K, V]), key)
	return answer, c, true
}

// list makes c the call for key, with one caller waiting. l.mu is held.
func (l *Loader[K, V]) list(c *call[K, V], e *entry[K, V], key K) {
	c.key, c.waiters = key, 1
	if l.bounded {
		c.ready = make(chan struct{})
	}
	l.table.list(c, e)
}

// start hands new calls to the Batcher. They outlive the caller, which may leave
// while others wait, so all that counts of its context are the values.
func (l *Loader[K, V]) start(ctx context.Context, calls ...*call[K, V]) {
	submitted := 0
	defer func() { l.publish(calls, submitted) }()
	ctx = valuesOf(ctx) // foreign code, which may panic: not before publish is sure to follow
	if l.bounded {
		line := make([]weighed[K, V], len(calls))
		for i, c := range calls {
			line[i] = l.weigh(c)
		}
		calls = nil // admit publishes them
		go l.admit(ctx, line)
		return
	}
	for _, c := range calls {
		c.future = l.submit(ctx, l.weigh(c))
		submitted++
	}
}

// admit is start where Submit may wait for room: it has a goroutine of its own
// so that no caller has to wait longer than its own context lasts. A call that
// nobody waits for any more leaves the line.
func (l *Loader[K, V]) admit(ctx context.Context, line []weighed[K, V]) {
	defer func() {
		if len(line) > 0 { // Options.Go ran a fetch here that called runtime.Goexit
			l.publish([]*call[K, V]{line[0].call}, 0)
			go l.admit(ctx, line[1:])
		}
	}()
	for ; len(line) > 0; line = line[1:] {
		w := line[0]
		ctx, cancel := context.WithCancel(ctx)
		if l.queue(w.call, cancel) {
			w.future = l.submit(ctx, w)
			l.publish([]*call[K, V]{w.call}, 1)
		}
		// cancel is not called here: it would withdraw the call.
	}
}

// queue notes what takes c out of the line for room. It returns false if nobody
// waits for c any more.
func (l *Loader[K, V]) queue(c *call[K, V], withdraw context.CancelFunc) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.waiters == 0 {
		withdraw()
		return false
	}
	l.queued[c] = withdraw
	return true
}

// publish shows the futures of calls to the callers that joined them. If a panic
// or a Goexit has ended the goroutine, calls[submitted:] have none: their callers
// find the zero Future, a canceled one, and no others join. The call whose Submit
// panicked may have been handed in all the same: it can no longer be withdrawn,
// and its key may be in the next fetch twice.
func (l *Loader[K, V]) publish(calls []*call[K, V], submitted int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, c := range calls {
		delete(l.queued, c)
		c.submitted = true
		if c.ready != nil {
			close(c.ready)
		}
		if i >= submitted {
			l.table.unlist(c)
		}
		if c.waiters == 0 {
			c.future.Cancel()
		}
	}
}

// wait waits for c's answer on behalf of one caller, and leaves c for it if the
// answer is an error or ctx panics.
func (l *Loader[K, V]) wait(ctx context.Context, c *call[K, V]) (value V, err error) {
	err = batcher.ErrCanceled // until there is an answer
	defer func() {
		if err != nil {
			l.leave(c)
		}
	}()
	if c.ready == nil || c.published(ctx) {
		return c.future.Wait(ctx)
	}
	return value, cmp.Or(context.Cause(ctx), batcher.ErrCanceled) // ctx, not the standard library's, may close Done before it sets Err
}

// published waits until ready is closed. It returns false if ctx ends first.
func (c *call[K, V]) published(ctx context.Context) bool {
	select {
	case <-c.ready:
		return true
	default:
	}
	select {
	case <-c.ready:
		return true
	case <-ctx.Done():
		return false
	}
}

// leave notes that one caller no longer waits for c. The last one withdraws it,
// with l.mu held, so that the next Load cannot put the same key into the same
// batch again.
func (l *Loader[K, V]) leave(c *call[K, V]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.waiters--
	if c.waiters > 0 {
		return
	}
	l.table.unlist(c)
	if withdraw := l.queued[c]; withdraw != nil {
		withdraw()
	}
	if c.submitted {
		c.future.Cancel()
	}
}

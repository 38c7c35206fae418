package modeltest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
)

// subject is what is tested: a Keyed, or a Batcher that takes no notice of keys.
type subject interface {
	Submit(ctx context.Context, key int, req Request) batcher.Future[int]
	TrySubmit(ctx context.Context, key int, req Request) batcher.Future[int]
	Do(ctx context.Context, key int, req Request) (int, error)
	Flush(key int) error
	Close() error
	Shutdown(ctx context.Context) error
	Stats() batcher.Stats
}

type plain struct{ *batcher.Batcher[Request, int] }

func (p plain) Submit(ctx context.Context, _ int, req Request) batcher.Future[int] {
	return p.Batcher.Submit(ctx, req)
}

func (p plain) TrySubmit(ctx context.Context, _ int, req Request) batcher.Future[int] {
	return p.Batcher.TrySubmit(ctx, req)
}

func (p plain) Do(ctx context.Context, _ int, req Request) (int, error) {
	return p.Batcher.Do(ctx, req)
}

func (p plain) Flush(int) error { return p.Batcher.Flush() }

// handle is a batch that the plan has got hold of.
type handle = *batcher.Batch[Request, int]

// driver runs one plan in reality and in the model.
type driver struct {
	*setting
	worlds  []*world
	subject                                // nil for a batch by hand
	batcher *batcher.Batcher[Request, int] // nil for a Keyed and a batch by hand
	keyed   *batcher.Keyed[int, Request, int]
	start   time.Time
	shared  [2]sharedContext
	calls   []*call // by request
	handles []handle
	closers []*closing
	waits   []*wait
	cancels []context.CancelFunc
	workers *workers      // nil if Options.Go has none
	hurried chan struct{} // receives when a deadline has started a batch
	rushed  int           // operations since the last look
	lost    bool          // there are too many worlds to follow
	trace   strings.Builder

	mu      sync.Mutex // guards what follows, which Func and callers write
	fault   string     // the first
	entered []entry    // since the last look
	inFunc  int
	seen    map[int]bool // requests that Func got
}

func newDriver(p Plan) *driver {
	d := &driver{setting: &setting{rules: p.rules()}, start: time.Now(), hurried: make(chan struct{}, 1), seen: map[int]bool{}}
	d.worlds = []*world{newWorld(d.setting)}
	for j := range d.shared {
		d.renew(j)
	}
	launch := d.launch(p)
	switch {
	case p.ByHand != nil:
		opts := *p.ByHand
		opts.Go = launch
		d.handles = []handle{batcher.NewBatch(d.fn0, opts)}
	case p.Keyed:
		opts := p.Options
		opts.Go = launch
		d.keyed = batcher.NewKeyed(d.fn, opts)
		d.subject = d.keyed
	default:
		opts := p.Options
		opts.Go = launch
		d.batcher = batcher.New(d.fn0, opts)
		d.subject = plain{d.batcher}
	}
	return d
}

// launch returns the Options.Go of p.
func (d *driver) launch(p Plan) func(task func()) {
	switch p.Launch {
	case Spawn:
		return func(task func()) { go task() }
	case Workers:
		d.workers = newWorkers(min(d.slots, len(p.Ops)+1)) // an operation makes one request at most
		return d.workers.run
	}
	return nil
}

// run runs the plan and gives the first fault, or "".
func (d *driver) run(p Plan) string {
	d.note("%v", p)
	d.look()
	for _, op := range p.Ops {
		if d.over() {
			break
		}
		d.rushed++
		operations[op.Kind].do(d, op)
		if !op.Rush || d.rushed > 2 {
			d.look()
		}
	}
	d.windUp(p)
	d.finalChecks()
	d.cleanUp()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fault
}

func (d *driver) note(format string, args ...any) {
	fmt.Fprintf(&d.trace, "%6v  %s\n", d.now, fmt.Sprintf(format, args...))
}

func (d *driver) failed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fault != ""
}

// over reports whether there is no sense in going on with the plan.
func (d *driver) over() bool { return d.lost || d.failed() }

// check notes a fault if it finds one.
func (d *driver) check(ok bool, format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.expect(ok, format, args...)
}

// fork takes account of all that may have happened since the last look.
func (d *driver) fork() { d.explore(reach) }

// explore goes on to what becomes of the worlds, unless that is too much.
func (d *driver) explore(become func([]*world) []*world) {
	if worlds := become(d.worlds); worlds != nil {
		d.worlds = worlds
	} else if !d.lost {
		d.lost = true
		d.note("too many possible worlds")
	}
}

// apply has each world do what was done in reality. One that could not have
// come to the same end is dropped.
func (d *driver) apply(what string, do func(w *world) bool) {
	d.fork()
	if d.lost {
		return
	}
	var kept []*world
	for _, w := range d.worlds {
		c := w.clone()
		if do(c) {
			c.tidy()
			kept = append(kept, c)
		}
	}
	d.check(len(kept) > 0, "%s: the contract does not permit that", what)
	if len(kept) > 0 {
		d.worlds = kept
	}
}

// sleepTo lets time pass, with a look at each instant at which something is
// to happen, or does so because of a deadline.
func (d *driver) sleepTo(to instant) {
	for !d.over() {
		next := to
		for _, w := range d.worlds {
			next = min(next, w.next())
		}
		select {
		case <-time.After(next - d.now):
		case <-d.hurried:
		}
		d.now = time.Since(d.start)
		d.look()
		if d.now == to {
			return
		}
	}
}

// sleepOut lets time pass until nothing more is due to happen.
func (d *driver) sleepOut() {
	for !d.over() {
		last := d.now
		for _, w := range d.worlds {
			if t := w.next(); t < never {
				last = max(last, t)
			}
		}
		if last == d.now {
			return
		}
		d.sleepTo(last)
	}
}

// quiesce waits until nothing more happens at this instant.
func (d *driver) quiesce() {
	synctest.Wait()
	d.rushed = 0
}

package natsbatch

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
)

// Bounds of what a front end remembers: envelopes, and bytes of results. It asks
// the server for what it has forgotten.
const (
	maxFutures     = 16384
	maxFutureBytes = 32 << 20
)

// futures are the envelopes that this front end submitted, with what it has
// heard of their results.
type futures struct {
	urge chan struct{} // has room for one; see seek

	mu    sync.Mutex // guards what follows, and every future
	byNum map[uint64]*future
	order []uint64 // as they were added; the oldest are forgotten first
	bytes int      // of results
}

// future is one envelope.
type future struct {
	outcomes []*wire.Outcome // by index; nil: not known
	bytes    int
	split    bool          // what is stored for the envelope is known, and the rest is stored one by one
	changed  chan struct{} // closed at the next news, or nil
	waiting  int           // callers
	due      time.Time     // when the server is asked for what they wait for; zero: nobody has waited yet
}

func (f *futures) add(number uint64, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byNum == nil {
		f.byNum = make(map[uint64]*future)
	}
	f.byNum[number] = &future{outcomes: make([]*wire.Outcome, n)}
	f.order = append(f.order, number)
	f.trim()
}

// trim forgets the oldest beyond the bounds. f.mu is held.
func (f *futures) trim() {
	for len(f.order) > maxFutures || f.bytes > maxFutureBytes && len(f.order) > 1 {
		f.drop(f.order[0])
		f.order = f.order[1:]
	}
}

func (f *futures) remove(number uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(number)
}

// drop forgets an envelope; callers that wait for it look elsewhere. f.mu is held.
func (f *futures) drop(number uint64) {
	if e := f.byNum[number]; e != nil {
		e.news()
		f.bytes -= e.bytes
		delete(f.byNum, number)
	}
}

// wait waits until the outcome of a request is known for good. If only the server
// knows it, wait reports false.
func (f *futures) wait(ctx, life context.Context, h Handle) (o wire.Outcome, ok bool, err error) {
	o, ok, changed := f.look(h)
	if changed != nil {
		defer f.leave(f.join(h.envelope))
	}
	for changed != nil {
		select {
		case <-changed:
		case <-ctx.Done():
			return o, false, context.Cause(ctx)
		case <-life.Done():
			return o, false, context.Cause(life)
		}
		o, ok, changed = f.look(h)
	}
	return o, ok, nil
}

// look returns the outcome of a request, if it is known for good; otherwise a channel
// that is closed at the next news, or nil if only the server knows: the outcome that a
// request is dead is withdrawn when the dead letter is put back in the queue.
func (f *futures) look(h Handle) (o wire.Outcome, ok bool, changed <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.byNum[h.envelope]
	if e == nil || h.index >= uint64(len(e.outcomes)) {
		return o, false, nil
	}
	if known := e.outcomes[h.index]; known != nil {
		return *known, known.Status != wire.StatusDead, nil
	}
	if e.changed == nil {
		e.changed = make(chan struct{})
	}
	return o, false, e.changed
}

// report enters outcomes of an envelope.
func (f *futures) report(number uint64, r *wire.Report) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.byNum[number]
	if e == nil {
		return
	}
	e.split = e.split || r.Split
	for i := range r.Outcomes {
		o := &r.Outcomes[i]
		if o.Index >= uint64(len(e.outcomes)) {
			continue
		}
		if known := e.outcomes[o.Index]; known != nil && known.Status != wire.StatusDead {
			continue
		}
		e.outcomes[o.Index] = o
		e.bytes += outcomeBytes + len(o.Data) // what a dead one counted stays, it is little
		f.bytes += outcomeBytes + len(o.Data)
	}
	e.news()
	f.trim()
}

// outcomeBytes is what an outcome takes beside its data.
const outcomeBytes = 64

// news wakes all that wait for e. futures.mu is held.
func (e *future) news() {
	if e.changed != nil {
		close(e.changed)
		e.changed = nil
	}
}

// onDone takes the event that a result or a letter was stored for this front end.
func (fe *frontEnd) onDone(msg *nats.Msg) {
	if strings.HasPrefix(msg.Subject, fe.queue.lettersSubject(done, fe.id)) {
		fe.hear(msg.Data)
		return
	}
	rest := strings.TrimPrefix(msg.Subject, fe.queue.of(done, fe.id)+".")
	envelope, _, _ := strings.Cut(rest, ".")
	number, err := strconv.ParseUint(envelope, 10, 64)
	if err != nil {
		return
	}
	reports, err := wire.DecodeReports(msg.Data)
	if err != nil || len(reports) != 1 {
		fe.futures.remove(number) // each caller that waits is told why
		return
	}
	fe.futures.report(number, &reports[0])
}

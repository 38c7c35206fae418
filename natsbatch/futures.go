package natsbatch

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

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
	mu    sync.Mutex // guards what follows, and every future
	byNum map[uint64]*future
	order []uint64 // as they were added; the oldest are forgotten first
	bytes int      // of results
}

// future is one envelope.
type future struct {
	outcomes []*wire.Outcome // by index; nil: not known
	bytes    int
	changed  chan struct{} // closed at the next news, or nil
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

// report enters the outcomes of an envelope.
func (f *futures) report(number uint64, outcomes []wire.Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.byNum[number]
	if e == nil {
		return
	}
	for i := range outcomes {
		o := &outcomes[i]
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

// afterAbsence returns the envelopes whose results are waited for. It forgets the
// others that lack a result: its event may have been missed, so a caller that waits
// later, such as one whose Submit has yet to hear that it is accepted, must ask the server.
func (f *futures) afterAbsence() (numbers []uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for number, e := range f.byNum {
		switch {
		case e.changed != nil:
			numbers = append(numbers, number)
		case slices.Contains(e.outcomes, nil):
			f.drop(number)
		}
	}
	return numbers
}

// unknown returns the indices of an envelope whose outcomes are not known.
func (f *futures) unknown(number uint64) (indices []uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e := f.byNum[number]; e != nil {
		for i, o := range e.outcomes {
			if o == nil {
				indices = append(indices, uint64(i))
			}
		}
	}
	return indices
}

// catchUp asks for the results that were stored while the connection was
// away, whose events were missed: once for each envelope that is awaited.
func (fe *frontEnd) catchUp() {
	fe.back.broadcast()
	numbers := fe.futures.afterAbsence()
	_ = concurrently(len(numbers), func(i int) error {
		if fe.nc.IsConnected() { // else it will be back, or closed
			fe.lookUp(numbers[i])
		}
		return nil
	})
}

// lookUp asks for the results of an envelope. If each caller that waits did, it would
// be sent all of them as often, and slow connections would carry nothing else.
func (fe *frontEnd) lookUp(number uint64) {
	split, err := fe.enter(number, fe.envelopeSubject(stored, fe.id, number))
	if split {
		left := fe.futures.unknown(number)
		err = concurrently(len(left), func(i int) error {
			_, err := fe.enter(number, fe.indexSubject(stored, fe.id, number, left[i]))
			return err
		})
	}
	if err != nil {
		fe.futures.remove(number) // each caller that waits asks for its own
	}
}

// enter enters what is stored under a subject, and reports whether other results of
// its envelope are stored by themselves.
func (fe *frontEnd) enter(number uint64, subject string) (split bool, err error) {
	ctx, cancel := context.WithTimeout(fe.life, lookTry)
	defer cancel()
	report, err := fe.report(ctx, subject)
	if report == nil {
		return false, err
	}
	fe.futures.report(number, report.Outcomes)
	return report.Split, nil
}

// broadcast wakes all that wait on it.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{} // closed at the next broadcast, or nil
}

func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) broadcast() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
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
	if strings.HasPrefix(msg.Subject, fe.lettersSubject(done, fe.id)) {
		fe.hear(msg.Data)
		return
	}
	rest := strings.TrimPrefix(msg.Subject, fe.of(done, fe.id)+".")
	envelope, _, _ := strings.Cut(rest, ".")
	number, err := strconv.ParseUint(envelope, 10, 64)
	if err != nil {
		return
	}
	reports, err := wire.DecodeReports(msg.Data)
	if err != nil || len(reports) != 1 {
		return // Get says why
	}
	fe.futures.report(number, reports[0].Outcomes)
}

package modeltest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gobatcher/batcher"
)

// wait is one more call of Future.Wait, or one of Batch.Results, that does
// not wait for ever. It is checked at the end.
type wait struct {
	call   *call // nil: Results
	handle int
	since  instant
	until  instant

	returned bool
	at       instant
	value    int
	results  []batcher.Result[int]
	err      error
}

func (d *driver) opWait(op Op) {
	c := d.pickFuture(op)
	if c == nil {
		return
	}
	d.note("Wait for #%d, %v at most", c.ID, op.Span)
	d.beginWait(&wait{call: c}, op, func(ctx context.Context, w *wait) { w.value, w.err = c.future.Wait(ctx) })
}

func (d *driver) opResults(op Op) {
	h := d.pickHandle(op)
	if h < 0 {
		return
	}
	d.note("Results of handle %d, %v at most", h, op.Span)
	d.beginWait(&wait{handle: h}, op, func(ctx context.Context, w *wait) { w.results, w.err = d.handles[h].Results(ctx) })
}

func (d *driver) beginWait(w *wait, op Op, do func(context.Context, *wait)) {
	w.since, w.until = d.now, d.now+op.Span
	ctx, cancel := context.WithDeadlineCause(context.Background(), d.start.Add(w.until), errNotYet)
	d.cancels = append(d.cancels, cancel)
	d.waits = append(d.waits, w)
	go func() {
		do(ctx, w)
		d.mu.Lock()
		defer d.mu.Unlock()
		w.returned, w.at = true, time.Since(d.start)
	}()
}

// compareWait compares w, at the end, with what the model says.
func (d *driver) compareWait(w *wait, final *world) string {
	over := final.overAt(w)
	switch {
	case !w.returned:
		return fmt.Sprintf("a Wait since %v has not returned", w.since)
	case errors.Is(w.err, errNotYet) && w.at == w.until && over >= w.until:
		return ""
	case w.at > w.until || w.at != max(w.since, over):
		return fmt.Sprintf("a Wait from %v to %v returned %v at %v, the answer was there at %v", w.since, w.until, w.err, w.at, over)
	case w.call == nil:
		return d.compareResults(w.handle, w.results, w.err, final)
	}
	return final.compareFuture(w.call, w.value, w.err)
}

// overAt is when what w waits for was there.
func (w *world) overAt(r *wait) instant {
	if r.call == nil {
		return w.batches[w.handles[r.handle]].at
	}
	return w.answers[r.call.ID].at
}

func (w *world) compareFuture(c *call, value int, err error) string {
	if want := w.answers[c.ID]; !want.is(c.ID, c.cause, value, err) {
		return fmt.Sprintf("#%d has %d, %v, want %v", c.ID, value, err, want)
	}
	return ""
}

// compareResults compares what Batch.Results gave once the batch was over.
func (d *driver) compareResults(h int, results []batcher.Result[int], err error, final *world) string {
	b := &final.batches[final.handles[h]]
	if len(results) != len(b.ids) {
		return fmt.Sprintf("Results of handle %d: %d, want %d", h, len(results), len(b.ids))
	}
	for n, id := range b.ids {
		if fault := final.compareFuture(d.calls[id], results[n].Value, results[n].Err); fault != "" {
			return fmt.Sprintf("Results of handle %d: %s", h, fault)
		}
	}
	switch {
	case b.phase == hollow && (err == nil || errors.Is(err, batcher.ErrCanceled)):
	case b.own.kind == pending && err != nil, b.own.kind != pending && !b.own.is(none, nil, 0, err):
		return fmt.Sprintf("Results of handle %d: the batch's error is %v, want %v", h, err, b.own)
	}
	return ""
}

package modeltest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gobatcher/batcher"
)

// OpKind is one kind of operation.
type OpKind uint8

// What can be done to a Batcher.
const (
	OpSubmit OpKind = iota
	OpTrySubmit
	OpDo
	OpSleep
	OpCancel
	OpEndContext
	OpWait
	OpFlush
	OpCurrent
	OpAdd
	OpStart
	OpStartAfter
	OpCancelBatch
	OpResults
	OpClose
	OpShutdown
)

// operations do what a plan says, in reality and in the model.
var operations = [...]struct {
	name string
	do   func(*driver, Op)
}{
	OpSubmit:      {"Submit", (*driver).opSubmit},
	OpTrySubmit:   {"TrySubmit", (*driver).opTrySubmit},
	OpDo:          {"Do", (*driver).opDo},
	OpSleep:       {"sleep", func(d *driver, op Op) { d.look(); d.sleepTo(d.now + op.Span) }},
	OpCancel:      {"Future.Cancel", (*driver).opCancel},
	OpEndContext:  {"end a context", (*driver).opEndContext},
	OpWait:        {"Wait", (*driver).opWait},
	OpFlush:       {"Flush", (*driver).opFlush},
	OpCurrent:     {"Current", (*driver).opCurrent},
	OpAdd:         {"Batch.Add", (*driver).opAdd},
	OpStart:       {"Batch.Start", (*driver).opStart},
	OpStartAfter:  {"Batch.StartAfter", (*driver).opStartAfter},
	OpCancelBatch: {"Batch.Cancel", (*driver).opCancelBatch},
	OpResults:     {"Batch.Results", (*driver).opResults},
	OpClose:       {"Close", (*driver).opClose},
	OpShutdown:    {"Shutdown", (*driver).opShutdown},
}

func (k OpKind) String() string { return operations[k].name }

// mostInLine bounds how many wait for room: the model follows each order in
// which they may get in.
const mostInLine = 3

func (d *driver) crowded() bool {
	return slices.ContainsFunc(d.worlds, func(w *world) bool { return len(w.line)+len(w.let)+len(w.coming) >= mostInLine })
}

func (d *driver) opSubmit(op Op) {
	if d.crowded() {
		return
	}
	c := d.newCall(op, false)
	d.note("Submit %v, %v", c.Request, op.context())
	if d.room == orNoLimit(0) {
		c.future, c.known = d.Submit(c.ctx, c.Key, c.Request), true
		d.apply("Submit", func(w *world) bool { w.submit(c.ID, true); return true })
		go d.follow(c)
		return
	}
	d.apply("Submit", func(w *world) bool { w.coming = within(w.coming, c.ID); return true })
	go func() {
		f := d.Submit(c.ctx, c.Key, c.Request)
		d.mu.Lock()
		c.future, c.known = f, true
		d.mu.Unlock()
		d.follow(c)
	}()
}

func (d *driver) opTrySubmit(op Op) {
	c := d.newCall(op, false)
	d.note("TrySubmit %v, %v", c.Request, op.context())
	c.future, c.known = d.TrySubmit(c.ctx, c.Key, c.Request), true
	d.apply("TrySubmit", func(w *world) bool { w.submit(c.ID, false); return true })
	go d.follow(c)
}

func (d *driver) opDo(op Op) {
	if d.crowded() {
		return
	}
	op.Watch = WatchWait
	c := d.newCall(op, true)
	d.note("Do %v, %v", c.Request, op.context())
	d.apply("Do", func(w *world) bool { w.coming = within(w.coming, c.ID); return true })
	go func() {
		value, err := d.Do(c.ctx, c.Key, c.Request)
		d.record(c, value, err)
	}()
}

// pickFuture picks one of the latest requests that have a Future.
func (d *driver) pickFuture(op Op) *call {
	d.mu.Lock()
	defer d.mu.Unlock()
	var known []*call
	for _, c := range d.calls {
		if c.known {
			known = append(known, c)
		}
	}
	if len(known) == 0 {
		return nil
	}
	return known[len(known)-1-op.Pick%len(known)]
}

func (d *driver) opCancel(op Op) {
	c := d.pickFuture(op)
	if c == nil {
		return
	}
	got := c.future.Cancel()
	d.note("Cancel #%d: %v", c.ID, got)
	d.apply("Cancel", func(w *world) bool { return w.cancel(c.ID, got) })
}

func (d *driver) opEndContext(op Op) {
	j := op.Pick % len(d.shared)
	s := d.shared[j]
	d.note("end the shared context %d", j)
	d.fork()
	s.cancel(s.cause)
	for _, a := range s.asks {
		a.ended = true
	}
	d.renew(j)
}

func (d *driver) opFlush(op Op) {
	if d.subject == nil {
		return
	}
	err := d.Flush(op.Req.Key)
	d.note("Flush key %d: %v", op.Req.Key, err)
	key := op.Req.Key
	if d.keyed == nil {
		key = 0
	}
	d.apply("Flush", func(w *world) bool {
		if w.open[key] == none {
			return err == nil
		}
		return w.start(w.open[key], err)
	})
}

func (d *driver) opCurrent(Op) {
	if d.batcher == nil {
		return
	}
	b := d.batcher.Current()
	h := slices.Index(d.handles, b)
	d.apply("Current", func(w *world) bool {
		switch {
		case b == nil:
			return w.open[0] == none
		case h >= 0:
			return w.handles[h] == w.open[0]
		case w.open[0] == none || slices.Contains(w.handles, w.open[0]):
			return false
		}
		w.handles = with(w.handles, w.open[0])
		return true
	})
	if b != nil && h < 0 {
		d.handles = append(d.handles, b)
	}
	d.note("Current: handle %d of %d", slices.Index(d.handles, b), len(d.handles))
}

// pickHandle picks one of the latest batches that the plan has got hold of.
func (d *driver) pickHandle(op Op) int { return len(d.handles) - 1 - op.Pick%max(1, len(d.handles)) }

func (d *driver) opAdd(op Op) {
	h := d.pickHandle(op)
	if h < 0 {
		return
	}
	c := d.newCall(op, false)
	c.Key = 0
	f, err := d.handles[h].Add(c.ctx, c.Request)
	c.future, c.known = f, true
	d.note("Add %v to handle %d, %v: %v", c.Request, h, op.context(), err)
	d.apply("Add", func(w *world) bool { return w.add(w.handles[h], c.ID) == (err == nil) })
	_, again := f.Wait(settled)
	d.check(err == nil || again == err, "Add said %v, its Future %v", err, again)
	go d.follow(c)
}

func (d *driver) opStart(op Op) {
	if h := d.pickHandle(op); h >= 0 {
		err := d.handles[h].Start()
		d.note("Start handle %d: %v", h, err)
		d.apply("Start", func(w *world) bool { return w.start(w.handles[h], err) })
	}
}

func (d *driver) opStartAfter(op Op) {
	h := d.pickHandle(op)
	if h < 0 {
		return
	}
	err := d.handles[h].StartAfter(op.Span)
	d.note("StartAfter %v handle %d: %v", op.Span, h, err)
	d.apply("StartAfter", func(w *world) bool {
		b := &w.batches[w.handles[h]]
		if b.phase != collecting {
			return errors.Is(err, batcher.ErrStarted)
		}
		b.overdue, b.alarm = false, w.now+op.Span
		return err == nil
	})
}

func (d *driver) opCancelBatch(op Op) {
	if h := d.pickHandle(op); h >= 0 {
		got := d.handles[h].Cancel()
		d.note("Cancel handle %d: %v", h, got)
		d.apply("Batch.Cancel", func(w *world) bool { return w.cancelBatch(w.handles[h], got) })
	}
}

// closing is a call of Close or Shutdown in reality.
type closing struct {
	returned bool
	err      error
	at       instant
}

func (d *driver) opClose(Op) {
	d.note("Close")
	d.beginClose(never, func() error { return d.Close() })
}

func (d *driver) opShutdown(op Op) {
	d.note("Shutdown within %v", op.Span)
	ctx, cancel := context.WithDeadlineCause(context.Background(), d.start.Add(d.now+op.Span), causeError(-2))
	d.cancels = append(d.cancels, cancel)
	d.beginClose(d.now+op.Span, func() error { return d.Shutdown(ctx) })
}

func (d *driver) beginClose(until instant, do func() error) {
	if d.subject == nil {
		return
	}
	d.look()
	d.apply("Close", func(w *world) bool {
		w.close()
		w.closers = append(w.closers, closer{until: until})
		return true
	})
	c := &closing{}
	d.closers = append(d.closers, c)
	go func() {
		err := do()
		d.mu.Lock()
		defer d.mu.Unlock()
		c.returned, c.err, c.at = true, err, time.Since(d.start)
	}()
	d.look()
}

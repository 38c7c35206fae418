package modeltest

import (
	"context"
	"fmt"
	"time"

	"github.com/gobatcher/batcher"
)

// idKey is under which a request's context holds its number.
type idKey struct{}

// entry is Func as it was entered.
type entry struct {
	at  instant
	key int
	ids []int
	batcher.Info
}

func (e entry) String() string {
	return fmt.Sprintf("Func gets %v of key %d by %v, weight %d, opened %v", e.ids, e.key, e.Trigger, e.Weight, e.Opened.Format("05.000"))
}

// fn is the Func under test, for a Keyed.
func (d *driver) fn(ctx context.Context, key int, reqs []Request) ([]int, error) {
	d.enter(ctx, key, reqs)
	defer func() {
		clear(reqs) // they belong to Func until it returns: nobody may need them
		d.mu.Lock()
		d.inFunc--
		d.mu.Unlock()
	}()
	return perform(ctx, reqs)
}

// fn0 is fn without a key.
func (d *driver) fn0(ctx context.Context, reqs []Request) ([]int, error) { return d.fn(ctx, 0, reqs) }

// enter notes the call, and checks what needs no model.
func (d *driver) enter(ctx context.Context, key int, reqs []Request) {
	info, ok := batcher.FromContext(ctx)
	e := entry{at: time.Since(d.start), key: key, Info: info}
	for _, r := range reqs {
		e.ids = append(e.ids, r.ID)
	}
	deadline, limited := ctx.Deadline()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entered = append(d.entered, e)
	d.inFunc++
	d.expect(ok, "%v: no Info", e)
	d.expect(d.inFunc <= d.slots, "%v: %d batches in Func, %d slots", e, d.inFunc, d.slots)
	d.expect(len(reqs) <= d.maxSize, "%v: more than %d requests", e, d.maxSize)
	d.expect(info.Weight <= d.maxWeight, "%v: more than MaxWeight %d", e, d.maxWeight)
	d.expect(info.Size == len(reqs) && len(info.Requests) == len(reqs), "%v: Info.Size %d, %d contexts", e, info.Size, len(info.Requests))
	for i, c := range info.Requests {
		d.expect(c.Value(idKey{}) == reqs[i].ID, "%v: Info.Requests[%d] is the context of #%v", e, i, c.Value(idKey{}))
		d.expect(reqs[i].Key == key, "%v: #%d is of key %d", e, reqs[i].ID, reqs[i].Key)
		d.expect(!d.seen[reqs[i].ID], "%v: #%d for the second time", e, reqs[i].ID)
		d.seen[reqs[i].ID] = true
	}
	if info.Trigger == batcher.TriggerDeadline {
		select {
		case d.hurried <- struct{}{}:
		default:
		}
	}
	want, all := latestDeadline(info.Requests)
	d.expect(limited == all && (!all || deadline.Equal(want)), "%v: deadline %v %v, want %v %v", e, deadline, limited, want, all)
}

// latestDeadline is that of the contexts, if all have one.
func latestDeadline(ctxs []context.Context) (latest time.Time, all bool) {
	for _, c := range ctxs {
		t, ok := c.Deadline()
		if !ok {
			return time.Time{}, false
		}
		if t.After(latest) {
			latest = t
		}
	}
	return latest, true
}

// expect notes a fault. d.mu is held.
func (d *driver) expect(ok bool, format string, args ...any) {
	if !ok && d.fault == "" {
		d.fault = fmt.Sprintf(format, args...)
	}
}

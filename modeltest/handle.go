package modeltest

import (
	"errors"
	"slices"

	"github.com/gobatcher/batcher"
)

// This file is what the methods of a Future and a Batch do to a world. Each
// reports whether what they answered in reality is what the contract permits.

// cancel is Future.Cancel of request id, which answered got.
func (w *world) cancel(id int, got bool) bool {
	i := w.batchOf(id)
	if i == none {
		return !got // it was refused
	}
	b := &w.batches[i]
	switch {
	case slices.Contains(b.gone, id):
		return got || w.answers[id].kind == ended
	case b.phase < running:
		w.withdraw(i, id, canceled)
		return got
	case b.phase == running:
		w.leave(i, id)
		return !got
	case b.phase == aborted && b.own.kind == canceled:
		return true // canceled with its batch: either will do
	}
	return !got
}

func (w *world) batchOf(id int) int {
	return slices.IndexFunc(w.batches, func(b batch) bool { return slices.Contains(b.ids, id) })
}

// start is Batch.Start, and Flush where a batch is open.
func (w *world) start(i int, err error) bool {
	b := &w.batches[i]
	switch {
	case b.phase != collecting:
		return errors.Is(err, batcher.ErrStarted)
	case w.size(b) < w.ready:
		return errors.Is(err, batcher.ErrNotReady)
	}
	w.seal(i, batcher.TriggerManual)
	return err == nil
}

// cancelBatch is Batch.Cancel.
func (w *world) cancelBatch(i int, got bool) bool {
	b := &w.batches[i]
	switch b.phase {
	case collecting:
		w.open[b.key] = none
		w.fail(i, canceled, &w.Canceled)
		return got
	case aborted:
		return got || b.own.kind != canceled
	case hollow:
		return true // there is no request left to tell by
	}
	return !got
}

// add is Batch.Add; it reports whether the request was accepted.
func (w *world) add(i, id int) bool {
	b := &w.batches[i]
	why := w.refusals(id)
	overflow := false
	if b.phase != collecting {
		why |= isStarted
	} else if w.isFull() {
		why |= isFull
	} else if w.size(b) >= w.maxSize {
		why |= isFull
	} else if w.overflows(i, id) {
		overflow = why == 0
		why |= isFull
	}
	if why == 0 {
		w.join(i, id)
		return true
	}
	w.refuse(id, why)
	if overflow && w.fullGoes {
		w.seal(i, batcher.TriggerWeight)
	}
	return false
}

package natsbatch

import (
	"errors"
	"fmt"
	"time"

	"github.com/gobatcher/batcher/natsbatch/internal/fault"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
)

// receive takes a message from the collector and puts its requests into
// batches, unless something else must be found out or done first.
func (w *Worker) receive(msg *nats.Msg, l line, now time.Time) {
	w.figures.messages.Add(1)
	d, err := newDelivery(msg, l, now)
	if err != nil {
		w.later(func() { w.unreadable(d, msg, err) })
		return
	}
	if wait, ok := d.early(now); ok {
		w.putOff(d, wait)
		return
	}
	if l != lineAgain && d.envelope.Kind != wire.KindDo && w.overdue.many(w.queue.resultStream()) {
		w.putOff(d, w.queue.AckWait) // its results could not be stored
		return
	}
	w.leases.take(d)
	w.collector.took(d, now)
	if again := d.redelivered(); again > 0 || d.envelope.Kind == wire.KindKey {
		w.figures.redelivered.Add(uint64(min(again, 1)))
		w.later(func() { w.review(d) })
		return
	}
	w.enqueue(d)
}

// later calls f in a goroutine that Shutdown waits for.
func (w *Worker) later(f func()) {
	w.settling.Go(f)
}

// enqueue puts the requests of a delivery into batches, or, once the worker
// shuts down, hands them back.
func (w *Worker) enqueue(d *delivery) {
	items := d.items(w.opts.Batch.MaxWeight)
	fault.At(fault.Taken)
	w.gate.RLock()
	defer w.gate.RUnlock()
	if !w.draining {
		w.submit(w.pool(d.suspect), items)
		return
	}
	w.collector.freed(d.line, len(items))
	w.later(func() { w.settle(handBack(items), func() {}) })
}

// handBack returns the verdicts of items that do not run here.
func handBack(items []*item) []verdict {
	verdicts := make([]verdict, len(items))
	for i, it := range items {
		verdicts[i] = verdict{item: it, fate: handedBack}
	}
	return verdicts
}

// putOff makes the server deliver a message again after wait.
func (w *Worker) putOff(d *delivery, wait time.Duration) {
	_ = w.nc.Publish(d.ack, fmt.Appendf(nil, `-NAK {"delay": %d}`, wait.Nanoseconds())) // else AckWait decides
}

// unreadable deals with a message that is not an envelope of this version: it may
// be for a newer program, and otherwise goes to the dead letters.
func (w *Worker) unreadable(d *delivery, msg *nats.Msg, why error) {
	if d == nil {
		return // not even the server's part can be read: AckWait decides
	}
	if errors.Is(why, wire.ErrVersion) && d.count < w.opts.MaxDeliveries {
		w.putOff(d, w.queue.AckWait)
		return
	}
	w.leases.take(d)
	defer w.leases.drop(d)
	letter := nats.NewMsg(w.queue.deadSubject())
	letter.Data = msg.Data
	letter.Header.Set(reasonHeader, why.Error())
	defer w.hasRoom(d)
	if err := w.persistLetter(d, letter, "raw."+d.ack, why.Error()); err != nil {
		w.letGo(d, err)
		return
	}
	w.figures.dead.Add(1)
	w.acknowledge(d)
}

func (w *Worker) acknowledge(d *delivery) {
	_ = w.nc.Publish(d.ack, ackDone) // else it is delivered again, and found to be settled
}

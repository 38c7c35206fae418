package natsbatch

import (
	"slices"
	"strconv"
	"time"

	"github.com/gobatcher/batcher/natsbatch/internal/wire"
)

// excuseSubject is where it is noted that the delivery of a message, which the server
// counts, was none of its requests' fault.
func (q Queue) excuseSubject(d *delivery, count int) string {
	return q.of(stored, d.envelope.From) + ".back." + strconv.FormatUint(d.source, 10) + "." + strconv.Itoa(count)
}

// giveBack makes the server deliver a message again after wait, since this worker stops
// and cannot store its requests again. If they have not run, that is noted: it would count
// as a delivery that killed its worker. Where the results are full too, it does.
func (w *Worker) giveBack(d *delivery, wait time.Duration) {
	if d.line == lineAgain && !d.ran {
		_ = w.persistNow(resultMsg(w.queue.excuseSubject(d, d.count), wire.Report{Number: d.envelope.Number}), noID)
	}
	w.putOff(d, wait)
}

// pardon finds out how often a delivery of line again was excused. Of other lines it
// does not matter, since they bury nobody.
func (w *Worker) pardon(d *delivery) error {
	if d.line != lineAgain || d.redelivered() == 0 || d.excused > 0 {
		return nil
	}
	excused, err := w.areStored(w.ctx, d.count-1, func(i int) string { return w.queue.excuseSubject(d, i+1) })
	if err != nil {
		return err
	}
	n := len(slices.DeleteFunc(excused, func(yes bool) bool { return !yes }))
	d.excused, d.tries, d.suspect = n, d.tries-n, d.suspect-n
	return nil
}

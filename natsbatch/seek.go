package natsbatch

import (
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// This file is how a front end finds results whose events it has missed: it asks the
// server, once for each envelope. If each caller that waits did, it would be sent all
// results of the envelope as often, and slow connections would carry nothing else.

// lookAgain is how often the server is asked for results that callers wait for: an
// event may be lost with a connection.
const lookAgain = 10 * time.Second

// How long one question waits for its answer, which is lost if the server ends meanwhile.
// What is given up too soon is sent again and again, and comes too late each time.
const (
	askTry  = 2 * time.Second  // for what is stored
	lookTry = 13 * time.Second // for a result: the largest makes 1.4 MB of JSON, 11 s by a link of 1 Mbit/s
)

// join notes that a caller waits for an envelope, and returns it, or nil if it is not
// known.
func (f *futures) join(number uint64) *future {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.byNum[number]
	if e == nil {
		return nil
	}
	e.waiting++
	switch now := time.Now(); {
	case e.due.IsZero():
		e.due = now.Add(lookAgain)
	case !now.Before(e.due):
		f.hurry()
	}
	return e
}

// leave notes that a caller does not wait for e any more.
func (f *futures) leave(e *future) {
	if e == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	e.waiting--
}

// hurry makes seek look whether the server is to be asked.
func (f *futures) hurry() {
	select {
	case f.urge <- struct{}{}:
	default: // it is about to
	}
}

// miss notes that events of all envelopes may have been missed: the server is asked for
// the results that callers wait for, and for others once a caller does.
func (f *futures) miss() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.byNum {
		e.due = time.Now()
	}
	f.hurry()
}

// overdue returns the envelopes for which the server is to be asked now, the oldest
// first, and counts them as asked for.
func (f *futures) overdue() (numbers []uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	for number, e := range f.byNum {
		if e.waiting > 0 && !now.Before(e.due) {
			e.due = now.Add(lookAgain)
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// again makes an envelope overdue once more.
func (f *futures) again(number uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e := f.byNum[number]; e != nil {
		e.due = time.Now()
	}
}

// unknown returns the indices of an envelope whose outcomes are not known, and whether
// they are stored one by one if at all.
func (f *futures) unknown(number uint64) (indices []uint64, split bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.byNum[number]
	if e == nil {
		return nil, true
	}
	for i, o := range e.outcomes {
		if o == nil {
			indices = append(indices, uint64(i))
		}
	}
	return indices, e.split
}

// seek asks the server for results that are overdue, until the front end ends. Once an
// answer fails to come, the rest of them have time until the next beat.
func (fe *frontEnd) seek() {
	for {
		select {
		case <-fe.futures.urge:
		case <-fe.life.Done():
			return
		}
		if !fe.nc.IsConnected() {
			continue // watch hurries when it is back
		}
		numbers := fe.futures.overdue()
		var silent atomic.Bool
		_ = concurrently(len(numbers), func(i int) error {
			number := numbers[i]
			if silent.Load() {
				fe.futures.again(number)
				return nil
			}
			switch err := fe.lookUp(number); {
			case errors.Is(err, errUnreadable):
				fe.futures.remove(number) // each caller that waits is told why, if that is its result
			case err != nil:
				silent.Store(true)
				fe.futures.again(number)
			}
			return nil
		})
	}
}

// lookUp asks for the results of an envelope that are not known.
func (fe *frontEnd) lookUp(number uint64) error {
	subject := fe.queue.envelopeSubject(stored, fe.id, number)
	if _, split := fe.futures.unknown(number); !split {
		if whole, err := fe.enter(number, subject); whole || err != nil {
			return err
		}
	}
	there, err := fe.below(subject)
	if err != nil {
		return err
	}
	var left []string
	indices, _ := fe.futures.unknown(number)
	for _, i := range indices {
		if one := fe.queue.indexSubject(stored, fe.id, number, i); there[one] > 0 {
			left = append(left, one)
		}
	}
	return concurrently(len(left), func(i int) error {
		_, err := fe.enter(number, left[i])
		return err
	})
}

// enter enters what is stored under a subject, and reports whether that is all of an
// envelope.
func (fe *frontEnd) enter(number uint64, subject string) (whole bool, err error) {
	report, err := fe.find(fe.life, subject)
	if report == nil {
		return false, err
	}
	fe.futures.report(number, report)
	return !report.Split, nil
}

// below returns how many messages are stored under each subject below another one.
func (fe *frontEnd) below(subject string) (map[string]uint64, error) {
	ctx, cancel := fe.question(fe.life, askTry)
	defer cancel()
	info, err := fe.results.Info(ctx, jetstream.WithSubjectFilter(subject+".*"))
	if err != nil {
		return nil, err
	}
	return info.State.Subjects, nil
}

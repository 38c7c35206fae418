package natsbatch

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// letterTTL is how long a letter is stored for its front end.
func (q Queue) letterTTL() time.Duration { return q.AckWait + time.Minute }

// settled waits until a letter has been answered or is stored, and reports whether it
// is. If not, its requests must be delivered again. d is what waits for room if the
// results are full.
func (w *Worker) settled(l *letter, d *delivery) bool {
	<-l.done
	switch l.receipt {
	case gone:
		return w.deposit(l, d)
	case large:
		return w.apart(l, d)
	}
	return l.receipt == come
}

// apart settles a letter that is larger than the server takes by one for each outcome.
func (w *Worker) apart(l *letter, d *delivery) bool {
	var each []*letter
	for _, data := range apart(l.data, messageLimit(w.nc, len(l.data))) {
		if len(data) == len(l.data) { // not even the error that it is too large fits
			return false
		}
		each = append(each, w.mail.send(l.to, data))
	}
	return !slices.ContainsFunc(each, func(l *letter) bool { return !w.settled(l, d) })
}

// deposit stores a letter that was not answered. Its front end need not be gone: only
// its server and that of the worker may have lost each other, and then it hears of the
// letter from the server that leads the result stream. A letter that cannot be stored
// now is sent again.
func (w *Worker) deposit(l *letter, d *delivery) bool {
	w.mail.stores(1)
	defer w.mail.stores(-1)
	msg := nats.NewMsg(w.queue.lettersSubject(stored, l.to) + w.mail.id + "." + strconv.FormatUint(l.number, 10))
	msg.Header.Set(jetstream.MsgTTLHeader, w.queue.letterTTL().String())
	msg.Data = l.data
	for {
		switch final, err := w.persistOnce(msg); {
		case err == nil || errors.Is(err, errStored): // by a try that was not acknowledged
			return true
		case isTooLarge(err):
			return w.apart(l, d)
		case isFull(err) && !w.waitForRoom(d, w.queue.resultStream()), !isFull(err) && final:
			return false
		}
		sleep(w.ctx, persistPause)
		l = w.mail.send(l.to, l.data)
		if <-l.done; l.receipt != gone {
			return w.settled(l, d)
		}
	}
}

// stores counts letters that are to be stored.
func (m *mail) stores(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.storing += n
}

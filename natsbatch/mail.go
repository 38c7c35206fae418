package natsbatch

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// mail sends replies to front ends and waits for the word that they have come.
// Without it a reply that was lost with a connection would be missed for
// ever: its requests would be acknowledged, and nothing is kept of them.
type mail struct {
	nc   *nats.Conn
	back string        // where front ends answer, followed by the number of the letter
	keep time.Duration // how long a letter is sent again
	lost time.Duration // how long after silence
	sub  *nats.Subscription

	mu      sync.Mutex // guards what follows
	last    uint64     // number
	sent    map[uint64]*letter
	boxes   map[string]*box      // of front ends to which letters are on their way
	waiting int                  // bytes in all boxes that are not sent
	gone    map[string]time.Time // front ends that were not there for so long, and when they are asked again
	ended   bool
}

// letter is a reply on its way.
type letter struct {
	to    string
	data  []byte
	conn  uint64      // counts the worker's connections: that by which it was sent last; 0: none
	until time.Time   // when it is given up, if that goes on
	timer *time.Timer // sends it again
	done  chan bool   // true: it has come, or its front end is gone; false: nobody knows
}

// box holds the letters to one front end. The server keeps what a slow link has
// yet to take, and ends a connection that is 64 MiB behind: all would be lost, sent
// again together, and lost again.
type box struct {
	sent    int       // bytes that have not been answered
	waiting []*letter // until those have
}

const (
	resendAbsent = 50 * time.Millisecond // after the server said that nobody is there
	absent       = 30 * time.Second      // how long a front end that was given up gets one try only
	mostSent     = 2 << 20               // bytes under way from one worker to one front end; a letter that is larger goes alone
	mostWaiting  = 64 << 20              // bytes in all boxes, beyond which batches whose letters wait count as not settled
)

// resendLost is how long a worker waits for the answer to a reply before it sends
// it again.
func (q Queue) resendLost() time.Duration { return min(time.Second, q.AckWait/4) }

func newMail(t *topology) (*mail, error) {
	m := &mail{nc: t.nc, back: t.prefix() + "mail." + rand.Text() + ".", keep: t.AckWait, lost: t.resendLost(),
		sent: make(map[uint64]*letter), boxes: make(map[string]*box), gone: make(map[string]time.Time)}
	var err error
	if m.sub, err = t.nc.Subscribe(m.back+"*", m.onAnswer); err != nil {
		return nil, fmt.Errorf("natsbatch: subscribe to %s: %w", m.back, err)
	}
	_ = m.sub.SetPendingLimits(-1, -1) // they are small, and answer what is kept here
	return m, nil
}

// send sends a reply and gives a channel that says what became of it: true
// when it has come, or is given up because its front end is gone; false if the
// worker ended, or lost its connection, before that is known, so that its requests
// must run elsewhere.
func (m *mail) send(to string, data []byte) <-chan bool {
	l := &letter{to: to, data: data, done: make(chan bool, 1)}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		l.done <- false
		return l.done
	}
	b := m.boxes[to]
	if b == nil {
		b = &box{}
		m.boxes[to] = b
	}
	b.waiting = append(b.waiting, l)
	m.waiting += len(data)
	m.empty(b)
	return l.done
}

// many reports whether so much waits to be sent that the worker must not add to it.
func (m *mail) many() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.waiting > mostWaiting
}

// empty sends what may be sent now. m.mu is held.
func (m *mail) empty(b *box) {
	for len(b.waiting) > 0 && (b.sent == 0 || b.sent+len(b.waiting[0].data) <= mostSent) {
		l := b.waiting[0]
		b.waiting[0], b.waiting = nil, b.waiting[1:]
		m.waiting -= len(l.data)
		b.sent += len(l.data)
		m.last++
		m.sent[m.last] = l
		m.post(m.last, l)
	}
}

// post sends a letter, and again after a while. It is given up some time after its
// first try by this connection: before, it may be the worker that was away. m.mu is
// held.
func (m *mail) post(number uint64, l *letter) {
	if conn := m.conn(); l.until.IsZero() || conn != 0 && conn != l.conn {
		l.conn, l.until = conn, time.Now().Add(m.keep)
	}
	answer := m.back + strconv.FormatUint(number, 10)
	err := m.nc.PublishRequest(l.to, answer, l.data)
	if isTooLarge(err) {
		_ = m.nc.PublishRequest(l.to, answer, fit(l.data, messageLimit(m.nc, len(l.data))))
	} // whatever fails is sent again
	l.timer = time.AfterFunc(m.lost, func() { m.resend(number) })
}

// conn counts the connections that the worker has had; 0: it has none now.
func (m *mail) conn() uint64 {
	if !m.nc.IsConnected() {
		return 0
	}
	return m.nc.Stats().Reconnects + 1
}

// resend sends a letter again that was not answered, or gives it up. One to a front
// end that is gone had its try. Without a connection the server gives its requests
// to another worker.
func (m *mail) resend(number uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, now, conn := m.sent[number], time.Now(), m.conn()
	switch {
	case l == nil:
	case m.nc.IsClosed() || conn == 0 && now.After(l.until):
		m.finish(number, l, false)
	case conn == 0 || conn != l.conn:
		m.post(number, l)
	case now.After(l.until):
		m.gone[l.to] = now.Add(absent)
		m.finish(number, l, true)
	case now.Before(m.gone[l.to]):
		m.finish(number, l, true)
	default:
		m.post(number, l)
	}
}

// onAnswer hears that a letter has come, or, from the server, that nobody is
// there.
func (m *mail) onAnswer(msg *nats.Msg) {
	number, err := strconv.ParseUint(strings.TrimPrefix(msg.Subject, m.back), 10, 64)
	if err != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.sent[number]
	switch {
	case l == nil:
	case msg.Header.Get("Status") == "":
		delete(m.gone, l.to)
		m.finish(number, l, true)
	case time.Now().Before(m.gone[l.to]):
		m.finish(number, l, true)
	default:
		l.timer.Reset(resendAbsent)
	}
}

// finish is done with a letter, which makes room for others. m.mu is held.
func (m *mail) finish(number uint64, l *letter, settled bool) {
	l.timer.Stop()
	delete(m.sent, number)
	l.done <- settled
	for to, until := range m.gone {
		if time.Now().After(until) {
			delete(m.gone, to)
		}
	}
	b := m.boxes[l.to]
	b.sent -= len(l.data)
	m.empty(b)
	if b.sent == 0 {
		delete(m.boxes, l.to)
	}
}

// close gives up what has not come. Nobody knows whether it will.
func (m *mail) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	for _, b := range m.boxes {
		for _, l := range b.waiting {
			l.done <- false
		}
		b.waiting = nil
	}
	for number, l := range m.sent {
		m.finish(number, l, false)
	}
	_ = m.sub.Unsubscribe()
}

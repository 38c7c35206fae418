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

// mail sends replies to front ends and waits for them to be answered. Otherwise a
// reply that is lost with a connection would be lost for good: its requests would be
// acknowledged, and nothing is kept of them.
type mail struct {
	*topology
	id   string
	back string // where front ends answer, followed by the number of the letter
	sub  *nats.Subscription

	mu      sync.Mutex // guards what follows
	last    uint64     // number
	sent    map[uint64]*letter
	boxes   map[string]*box      // of front ends to which letters are on their way
	waiting int                  // bytes in all boxes that are not sent
	storing int                  // letters that were not answered, and are not stored
	gone    map[string]time.Time // front ends that did not answer for AckWait, and when they are tried for as long again
	ended   bool
}

// letter is a reply on its way.
type letter struct {
	to     string // a front end
	data   []byte
	number uint64
	conn   uint64        // counts the worker's connections: that by which it was sent last; 0: none
	until  time.Time     // when it is given up, if that goes on
	wait   time.Duration // until it is sent again by the same connection
	timer  *time.Timer   // sends it again
	done   chan struct{} // closed when what follows is known

	receipt receipt
}

// receipt is what became of a letter.
type receipt uint8

const (
	unknown receipt = iota // the worker ended, or lost its connection, before it knew
	come
	gone  // the front end does not answer
	large // the server has come to let less pass
)

// box holds the letters to one front end. The server buffers what a slow link has
// yet to take, and ends a connection that is 64 MiB behind: all letters would be lost,
// sent again together, and lost again.
type box struct {
	sent    int       // bytes that have not been answered
	waiting []*letter // until those have
}

const (
	resendAbsent = 50 * time.Millisecond // after the server said that the front end has no subscription, or while there is no connection
	absent       = 30 * time.Second      // for so long after a letter was given up, letters to its front end have one try
	mostSent     = 2 << 20               // bytes under way from one worker to one front end; a letter that is larger goes alone
	mostWaiting  = 64 << 20              // bytes in all boxes, beyond which batches whose letters wait count as not settled
	mostStoring  = 2 * mostOverdue       // letters that are to be stored, beyond which they do too
)

// resendLost is how long a worker waits for the answer to a reply before it sends
// it again. After that it waits for twice as long each time: a slow link may have yet
// to carry what was sent before.
func (q Queue) resendLost() time.Duration { return min(time.Second, q.AckWait/4) }

func newMail(t *topology) (*mail, error) {
	m := &mail{topology: t, id: rand.Text(), sent: make(map[uint64]*letter), boxes: make(map[string]*box), gone: make(map[string]time.Time)}
	m.back = t.queue.prefix() + "mail." + m.id + "."
	var err error
	if m.sub, err = t.nc.Subscribe(m.back+"*", m.onAnswer); err != nil {
		return nil, fmt.Errorf("natsbatch: subscribe to %s: %w", m.back, err)
	}
	_ = m.sub.SetPendingLimits(-1, -1) // answers are small, and no more than the letters kept here
	return m, nil
}

// send sends a reply to a front end. [Worker.settled] says what became of it.
func (m *mail) send(to string, data []byte) *letter {
	l := &letter{to: to, data: data, done: make(chan struct{})}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		close(l.done)
		return l
	}
	b := m.boxes[to]
	if b == nil {
		b = &box{}
		m.boxes[to] = b
	}
	b.waiting = append(b.waiting, l)
	m.waiting += len(data)
	m.empty(b)
	return l
}

// many reports whether so much waits to be sent or stored that the worker must not
// add to it.
func (m *mail) many() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.waiting > mostWaiting || m.storing > mostStoring
}

// empty sends what may be sent now. m.mu is held.
func (m *mail) empty(b *box) {
	for len(b.waiting) > 0 && (b.sent == 0 || b.sent+len(b.waiting[0].data) <= mostSent) {
		l := b.waiting[0]
		b.waiting[0], b.waiting = nil, b.waiting[1:]
		m.waiting -= len(l.data)
		b.sent += len(l.data)
		m.last++
		l.number = m.last
		m.sent[l.number] = l
		m.post(l)
	}
}

// post sends a letter, and sends it again if it is not answered. It is given up
// AckWait after its first try by this connection: before that, it may be the worker
// that was away. Then nothing is sent, as in [topology.offer]. m.mu is held.
func (m *mail) post(l *letter) {
	conn := m.conn()
	if l.until.IsZero() || conn != 0 && conn != l.conn {
		l.conn, l.until, l.wait = conn, time.Now().Add(m.queue.AckWait), m.queue.resendLost()
	}
	if conn == 0 {
		l.timer = time.AfterFunc(resendAbsent, func() { m.resend(l.number) })
		return
	}
	l.timer = time.AfterFunc(l.wait, func() { m.resend(l.number) })
	l.wait *= 2
	err := m.nc.PublishRequest(m.queue.replySubject(l.to), m.back+strconv.FormatUint(l.number, 10), l.data)
	if isTooLarge(err) {
		m.finish(l, large)
	} // whatever else fails is sent again
}

// conn is the number of connections that the worker has had; 0 if it has none now.
func (m *mail) conn() uint64 {
	if !m.nc.IsConnected() {
		return 0
	}
	return m.nc.Stats().Reconnects + 1
}

// resend sends a letter again that was not answered, or gives it up. One to a front
// end that is gone has had its try. Without a connection the server will deliver its
// requests to another worker.
func (m *mail) resend(number uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, now, conn := m.sent[number], time.Now(), m.conn()
	switch {
	case l == nil:
	case m.nc.IsClosed() || conn == 0 && now.After(l.until):
		m.finish(l, unknown)
	case conn == 0 || conn != l.conn:
		m.post(l)
	case now.After(l.until):
		m.gone[l.to] = now.Add(absent)
		m.finish(l, gone)
	case now.Before(m.gone[l.to]):
		m.finish(l, gone)
	default:
		m.post(l)
	}
}

// onAnswer takes the answer to a letter, or the server's word that its front end has
// no subscription.
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
		m.finish(l, come)
	case time.Now().Before(m.gone[l.to]):
		m.finish(l, gone)
	default:
		l.wait = m.queue.resendLost()
		l.timer.Reset(resendAbsent)
	}
}

// finish notes what became of a letter, which makes room for others. m.mu is held.
func (m *mail) finish(l *letter, r receipt) {
	l.timer.Stop()
	delete(m.sent, l.number)
	l.receipt = r
	close(l.done)
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

// close gives up the letters that were not answered. Whether they come is unknown.
func (m *mail) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	for _, b := range m.boxes {
		for _, l := range b.waiting {
			close(l.done)
		}
		b.waiting = nil
	}
	for _, l := range m.sent {
		m.finish(l, unknown)
	}
	_ = m.sub.Unsubscribe()
}

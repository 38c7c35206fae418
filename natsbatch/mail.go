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
	sub  *nats.Subscription

	mu    sync.Mutex // guards what follows
	last  uint64     // number
	sent  map[uint64]*letter
	gone  map[string]time.Time // front ends that were not there for so long, and when they are asked again
	ended bool
}

// letter is a reply on its way.
type letter struct {
	to    string
	data  []byte
	until time.Time   // when it is given up
	timer *time.Timer // sends it again
	done  chan bool   // true: it has come, or its front end is gone; false: the worker ended before
}

const (
	resendAbsent = 50 * time.Millisecond // after the server said that nobody is there
	resendLost   = time.Second           // after silence
	absent       = 30 * time.Second      // how long a front end that was given up gets one try only
)

func newMail(t *topology) (*mail, error) {
	m := &mail{nc: t.nc, back: t.prefix() + "mail." + rand.Text() + ".", keep: t.AckWait,
		sent: make(map[uint64]*letter), gone: make(map[string]time.Time)}
	var err error
	if m.sub, err = t.nc.Subscribe(m.back+"*", m.onAnswer); err != nil {
		return nil, fmt.Errorf("natsbatch: subscribe to %s: %w", m.back, err)
	}
	_ = m.sub.SetPendingLimits(-1, -1) // they are small, and answer what is kept here
	return m, nil
}

// send sends a reply and gives a channel that says what became of it: true
// when it has come, or is given up because its front end is gone; false if the
// worker ended before that is known, so that its requests must run elsewhere.
func (m *mail) send(to string, data []byte) <-chan bool {
	l := &letter{to: to, data: data, until: time.Now().Add(m.keep), done: make(chan bool, 1)}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		l.done <- false
		return l.done
	}
	m.last++
	m.sent[m.last] = l
	m.post(m.last, l, resendLost)
	return l.done
}

// post sends a letter, and again after a while. m.mu is held.
func (m *mail) post(number uint64, l *letter, again time.Duration) {
	_ = m.nc.PublishRequest(l.to, m.back+strconv.FormatUint(number, 10), l.data) // else it is sent again
	l.timer = time.AfterFunc(again, func() { m.resend(number) })
}

func (m *mail) resend(number uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.sent[number]
	switch {
	case l == nil:
	case time.Now().After(l.until):
		m.gone[l.to] = time.Now().Add(absent)
		m.finish(number, l, true)
	default:
		m.post(number, l, resendLost)
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

// finish is done with a letter. m.mu is held.
func (m *mail) finish(number uint64, l *letter, settled bool) {
	l.timer.Stop()
	delete(m.sent, number)
	l.done <- settled
	for to, until := range m.gone {
		if time.Now().After(until) {
			delete(m.gone, to)
		}
	}
}

// close gives up what has not come. Nobody knows whether it will.
func (m *mail) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	for number, l := range m.sent {
		m.finish(number, l, false)
	}
	_ = m.sub.Unsubscribe()
}

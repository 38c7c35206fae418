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

// mail sends replies to front ends. Nothing acknowledges a reply, but the
// server says so if nobody is there to get it, as it happens while a front end
// is reconnecting: then the reply is sent again for a while.
type mail struct {
	nc   *nats.Conn
	back string // where the server says so, followed by the number of the reply
	keep time.Duration
	sub  *nats.Subscription

	mu    sync.Mutex // guards what follows
	last  uint64     // number
	kept  [keptReplies]reply
	ended bool
}

// reply is one that may have to be sent again.
type reply struct {
	number  uint64
	subject string
	data    []byte
	until   time.Time
}

const (
	keptReplies = 256                   // those sent last
	resendAfter = 50 * time.Millisecond // what a front end needs to subscribe again
)

func newMail(t *topology) (*mail, error) {
	m := &mail{nc: t.nc, back: t.prefix() + "pull." + rand.Text() + ".reply.", keep: t.AckWait}
	var err error
	if m.sub, err = t.nc.Subscribe(m.back+"*", m.undelivered); err != nil {
		return nil, fmt.Errorf("natsbatch: subscribe to %s: %w", m.back, err)
	}
	return m, nil
}

// send sends a reply.
func (m *mail) send(subject string, data []byte) {
	m.post(reply{subject: subject, data: data, until: time.Now().Add(m.keep)})
}

func (m *mail) post(r reply) {
	m.mu.Lock()
	m.last++
	r.number = m.last
	m.kept[r.number%keptReplies] = r
	m.mu.Unlock()
	_ = m.nc.PublishRequest(r.subject, m.back+strconv.FormatUint(r.number, 10), r.data) // the connection is gone for good
}

// undelivered hears that nobody got a reply.
func (m *mail) undelivered(msg *nats.Msg) {
	number, err := strconv.ParseUint(strings.TrimPrefix(msg.Subject, m.back), 10, 64)
	if err != nil {
		return
	}
	m.mu.Lock()
	r := m.kept[number%keptReplies]
	again := r.number == number && !m.ended && time.Now().Before(r.until)
	m.mu.Unlock()
	if again {
		time.AfterFunc(resendAfter, func() { m.post(r) })
	}
}

func (m *mail) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	_ = m.sub.Unsubscribe()
}

package natsbatch

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// collector pulls messages for all slots of a worker. One goroutine owns all
// of it but the mutex and the channels.
type collector struct {
	w      *Worker
	inbox  string // followed by ".first.<line>" or ".top.<line>"
	firsts *nats.Subscription
	tops   *nats.Subscription
	msgs   chan *nats.Msg
	wake   chan struct{}
	status chan nats.Status
	stop   chan struct{}
	ended  chan struct{}
	once   sync.Once

	mu    sync.Mutex // guards what follows
	lim   limits
	lanes [lines]lane
}

func newCollector(w *Worker) (*collector, error) {
	c := &collector{
		w:      w,
		lim:    limitsOf(w.opts.Batch),
		inbox:  w.queue.prefix() + "pull." + rand.Text(),
		msgs:   make(chan *nats.Msg, int(lines)*maxMessages*2),
		wake:   make(chan struct{}, 1),
		status: w.nc.StatusChanged(nats.CONNECTED),
		stop:   make(chan struct{}),
		ended:  make(chan struct{}),
	}
	var err error
	if c.firsts, err = w.nc.ChanSubscribe(c.inbox+".first.*", c.msgs); err == nil {
		c.tops, err = w.nc.ChanSubscribe(c.inbox+".top.*", c.msgs)
	}
	if err != nil {
		return nil, fmt.Errorf("natsbatch: subscribe to %s: %w", c.inbox, err)
	}
	return c, nil
}

// close stops pulling and returns when nothing more can arrive: when every
// pull has ended. Messages that arrive meanwhile are handed back.
func (c *collector) close() {
	c.once.Do(func() { close(c.stop) })
	<-c.ended
}

func (c *collector) loop() {
	defer close(c.ended)
	defer c.w.nc.RemoveStatusListener(c.status)
	defer func() { _, _ = c.firsts.Unsubscribe(), c.tops.Unsubscribe() }()
	timer := time.NewTimer(0)
	defer timer.Stop()
	status, stop, stopping := c.status, c.stop, false
	for {
		select {
		case msg := <-c.msgs:
			c.receive(msg)
			c.drain()
		case <-c.wake:
		case <-timer.C:
		case _, open := <-status:
			if !open { // the connection is closed for good
				status = nil
			}
			c.forgetPulls()
		case <-stop:
			stop, stopping = nil, true
		}
		next, idle := c.pullAll(stopping)
		if stopping && idle {
			return
		}
		timer.Reset(next)
	}
}

// drain takes what else has arrived, so that one plan serves it all.
func (c *collector) drain() {
	for {
		select {
		case msg := <-c.msgs:
			c.receive(msg)
		default:
			return
		}
	}
}

// receive takes a message: a request for the worker, or the end of a pull.
func (c *collector) receive(msg *nats.Msg) {
	if status := msg.Header.Get("Status"); status != "" && len(msg.Data) == 0 {
		c.endPull(msg, status)
		return
	}
	which, ok := lineOf(msg.Subject)
	if !ok {
		return
	}
	now := time.Now()
	c.mu.Lock()
	c.waiting(which, msg).came(1)
	c.lanes[which].refused = refusal{}
	c.mu.Unlock()
	c.w.receive(msg, which, now)
}

// lineOf reads the last part of a subject.
func lineOf(subject string) (line, bool) {
	name := subject[strings.LastIndexByte(subject, '.')+1:]
	for _, l := range order {
		if l.String() == name {
			return l, true
		}
	}
	return 0, false
}

// endPull notes that the server is done with a pull.
func (c *collector) endPull(msg *nats.Msg, status string) {
	if status == "100" {
		return
	}
	which, ok := lineOf(msg.Subject)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting(which, msg).came(undelivered(msg.Header))
	if r, description := &c.lanes[which].refused, msg.Header.Get("Description"); isServed(status, description) {
		*r = refusal{}
	} else {
		r.back(strings.TrimSpace(status+" "+description), time.Now())
	}
}

// undelivered returns how many messages a pull that has ended did not bring.
func undelivered(header nats.Header) int {
	n, err := strconv.Atoi(header.Get("Nats-Pending-Messages"))
	if err != nil {
		return math.MaxInt // the server does not say it where that is all
	}
	return n
}

// waiting returns the pulls one of which has brought msg. c.mu is held.
func (c *collector) waiting(which line, msg *nats.Msg) *waiting {
	if msg.Sub == c.tops {
		return &c.lanes[which].top
	}
	return &c.lanes[which].first
}

func (c *collector) forgetPulls() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for p := range c.lanes {
		l := &c.lanes[p]
		l.first.left, l.top.left, l.refused = 0, 0, refusal{}
	}
}

// pullAll sends what the plans say, and returns how long until they must be asked
// again, and whether no pull waits.
func (c *collector) pullAll(stopping bool) (next time.Duration, idle bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, urgent := time.Now(), 0
	next, idle = time.Hour, true
	for _, which := range order {
		l := &c.lanes[which]
		l.expire(now)
		switch pause := l.refused.until.Sub(now); {
		case stopping:
		case pause > 0:
			next = min(next, pause)
		default:
			c.plan(which, urgent, now)
		}
		if lost, waits := l.expire(now); waits {
			idle = false
			next = min(next, lost+time.Millisecond)
		}
		if which != lineAgain {
			urgent += l.active
		}
	}
	return next, idle
}

// plan sends the pulls of a line that its plan asks for.
func (c *collector) plan(which line, urgent int, now time.Time) {
	l := &c.lanes[which]
	first, top := l.plan(c.lim, urgent, now)
	if which == lineAgain {
		first, top = l.planOne(), nil
	}
	if first != nil {
		c.send(which, first, ".first.")
		l.first.sent(first, now)
	}
	if top != nil {
		c.send(which, top, ".top.")
		l.top.sent(top, now)
	}
}

// send asks the server.
func (c *collector) send(which line, ask *pull, kind string) {
	body, err := json.Marshal(pullRequest{Batch: ask.batch, MaxBytes: maxBytes, Expires: ask.expires, NoWait: ask.noWait, Group: pullGroup, Priority: ask.priority})
	if err != nil {
		return // there is nothing in it that could fail
	}
	_ = c.w.nc.PublishRequest(c.w.queue.pullSubject(which), c.inbox+kind+which.String(), body) // else it is given up in time
}

// pullRequest is the pull API's: see ADR-13 and ADR-42 in
// nats-architecture-and-design.
type pullRequest struct {
	Batch    int           `json:"batch"`
	MaxBytes int           `json:"max_bytes"`
	Expires  time.Duration `json:"expires,omitempty"` // ns
	NoWait   bool          `json:"no_wait,omitempty"`
	Group    string        `json:"group"`
	Priority int           `json:"priority,omitempty"`
}

func (q Queue) pullSubject(l line) string {
	return "$JS.API.CONSUMER.MSG.NEXT." + q.requestStream() + "." + q.consumer(l)
}

// took notes that the worker has taken a delivery.
func (c *collector) took(d *delivery, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lanes[d.line].arrived(len(d.envelope.Requests), d.sequence, d.backlog, c.lim, now)
}

// held notes that n requests of a line wait in the worker.
func (c *collector) held(which line, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lanes[which].active += n
}

// ran notes how long Func ran for a batch.
func (c *collector) ran(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lim.run += (took - c.lim.run) / 4
}

// freed notes that n requests of a line have run, or will not.
func (c *collector) freed(which line, n int) {
	c.mu.Lock()
	c.lanes[which].active -= n
	for other := range c.lanes {
		if line(other) != which {
			c.lanes[other].starved++
		}
	}
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// active counts the requests taken and not run.
func (c *collector) active() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for p := range c.lanes {
		n += c.lanes[p].active
	}
	return n
}

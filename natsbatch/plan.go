package natsbatch

import (
	mrand "math/rand/v2"
	"time"
)

// lane is what the collector knows of one line.
type lane struct {
	active  int        // requests taken and not run
	backlog bool       // more was waiting when the last came
	mean    float64    // requests in a message, of late
	starved int        // batches run since it last got any, while others filled the slots
	rank    int        // 1 to 9: the place in the line of idle workers
	window  window     // in which the batch fills that is open
	traffic float64    // messages in a window, of late
	pull    *pull      // the one that waits at the server, or nil
	dice    func() int // gives a rank by chance; nil: the usual one
}

// window is the time in which a batch fills.
type window struct {
	until    time.Time // when the batch starts, whatever it holds
	requests int
	messages int
	first    uint64 // the consumer's count of deliveries, at the first message
	last     uint64 // and at the last
}

// pull is a request for messages.
type pull struct {
	batch    int           // messages at most
	expires  time.Duration // how long it waits
	noWait   bool          // it ends as soon as it has got what there is
	priority int           // pulls with a lower number are served first

	left int       // messages that it may still bring
	lost time.Time // when it is given up
}

// limits are what the plan goes by.
type limits struct {
	size  int           // requests of a batch
	slots int           // batches at once
	delay time.Duration // how long a batch waits for company
	run   time.Duration // how long Func runs, of late
}

const (
	idleWait    = time.Second            // how long a first pull waits
	lostAfter   = 500 * time.Millisecond // how long after its end a pull is given up
	starvedRuns = 8                      // so many batches of more urgent requests may run before one of others
	cover       = 4                      // messages of a first pull where there is traffic
	ranks       = 9
	maxMessages = 1024 // of a pull: the inbox must hold them
)

// plan says what to pull for the lane, given how many requests are active in
// more urgent lanes; nil for nothing.
//
// A batch that is filling is topped up before any other, so that the requests
// of a trickle meet in one worker; else this worker stands in line with the
// others for the next batch's first message. Where there is traffic the first
// pull asks for a few more: they come while the top-up is under way, and
// would else open a batch elsewhere. Where Func takes long it does not, since
// what a busy worker holds waits although another may be idle.
func (l *lane) plan(lim limits, urgent int, now time.Time) *pull {
	room := lim.slots*lim.size - l.active
	if l.backlog { // keep one batch ahead: nobody waits for these
		room += lim.size
	}
	if l.pull != nil || room <= 0 || urgent >= lim.slots*lim.size && l.starved < starvedRuns {
		return nil
	}
	if left := l.window.until.Sub(now); left > 0 && l.window.requests < lim.size {
		return &pull{batch: l.messages(min(room, lim.size-l.window.requests)), expires: left}
	}
	if l.rank == 0 {
		l.draw()
	}
	first := &pull{batch: 1, expires: idleWait, priority: l.rank}
	switch {
	case l.backlog:
		first.batch, first.noWait = l.messages(room), true
	case l.traffic >= cover && lim.run <= 2*lim.delay:
		first.batch = min(cover, l.messages(room))
	}
	return first
}

// planOne says what to pull where one message is taken at a time.
func (l *lane) planOne() *pull {
	if l.pull != nil || l.active > 0 {
		return nil
	}
	return &pull{batch: 1, expires: idleWait, priority: 1}
}

// messages is how many bring about so many requests.
func (l *lane) messages(requests int) int {
	return max(1, min(maxMessages, int(float64(requests)/max(1, l.mean))))
}

// arrived enters a message with n requests, the consumer's delivery number
// seq.
func (l *lane) arrived(n int, seq uint64, backlog bool, lim limits, now time.Time) {
	l.active += n
	l.backlog = backlog
	l.starved = 0
	if l.mean == 0 {
		l.mean = float64(n)
	}
	l.mean += (float64(n) - l.mean) / 8
	if lim.delay == 0 {
		return
	}
	if w := &l.window; w.requests >= lim.size || !now.Before(w.until) {
		l.learn()
		*w = window{until: now.Add(lim.delay), first: seq}
	}
	l.window.requests += n
	l.window.messages++
	l.window.last = seq
}

// learn draws conclusions from the window that has ended. Where another
// worker got a good part of what was delivered meanwhile, the two have opened
// batches at the same time, most likely because they have the same rank: one
// of them should take another.
func (l *lane) learn() {
	w := l.window
	if w.messages == 0 {
		return
	}
	l.traffic += (float64(w.messages) - l.traffic) / 4
	if all := w.last - w.first + 1; all >= cover && uint64(w.messages)*4 < all*3 && l.roll()%2 == 0 {
		l.draw()
	}
}

func (l *lane) draw() { l.rank = 1 + l.roll()%ranks }

func (l *lane) roll() int {
	if l.dice != nil {
		return l.dice()
	}
	return mrand.Int()
}

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
	first   *pull      // for a batch's first message, if one waits at the server
	top     *pull      // for more of the batch that is filling, if one does
	dice    func() int // rolls; nil: by chance
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
	busy        = 4                      // messages in a window that make traffic
	ranks       = 9
	maxMessages = 1024 // of a pull: the inbox must hold them
)

// plan says what to pull for the lane besides what waits at the server, given
// how many requests are active in more urgent lanes; nil for nothing.
//
// A batch that is filling is topped up before any other, so that the requests
// of a trickle meet in one worker; else this worker stands in line with the
// others for the next batch's first message. Where there is traffic the first
// pull asks for more: what comes while the top-up is under way would else open
// a batch elsewhere. Where Func takes long it does not, since what a busy
// worker holds waits although another may be idle.
func (l *lane) plan(lim limits, urgent int, now time.Time) (first, top *pull) {
	room := lim.slots*lim.size - l.active
	if l.backlog { // keep one batch ahead: nobody waits for these
		room += lim.size
	}
	if room <= 0 || urgent >= lim.slots*lim.size && l.starved < starvedRuns {
		return nil, nil
	}
	if left := l.window.until.Sub(now); left > 0 && l.window.requests < lim.size {
		if l.top == nil {
			top = &pull{batch: l.messages(min(room, lim.size-l.window.requests)), expires: left}
		}
		return nil, top
	}
	if l.first != nil {
		return nil, nil
	}
	if l.rank == 0 {
		l.draw()
	}
	first = &pull{batch: 1, expires: idleWait, priority: l.rank}
	switch {
	case l.backlog:
		first.batch, first.noWait = l.messages(room), true
	case l.traffic >= busy && lim.run <= 2*lim.delay:
		first.batch = min(int(2*l.traffic), l.messages(room))
	}
	return first, nil
}

// planOne says what to pull where one message is taken at a time.
func (l *lane) planOne() *pull {
	if l.first != nil || l.active > 0 {
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

// came counts a message against the pull that brought it.
func (l *lane) came(byTop bool) {
	p := &l.first
	if byTop {
		p = &l.top
	}
	if *p == nil {
		return
	}
	if (*p).left--; (*p).left <= 0 {
		*p = nil
	}
}

// expire gives up pulls of which nothing was heard, and gives how long until
// the next must be given up; ok is false if none waits.
func (l *lane) expire(now time.Time) (next time.Duration, ok bool) {
	for _, p := range []**pull{&l.first, &l.top} {
		if *p != nil && now.After((*p).lost) {
			*p = nil
		}
		if *p != nil && (!ok || (*p).lost.Sub(now) < next) {
			next, ok = (*p).lost.Sub(now), true
		}
	}
	return next, ok
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
	if all := w.last - w.first + 1; all >= busy && uint64(w.messages)*4 < all*3 && l.roll()%2 == 0 {
		l.draw()
	}
}

// draw takes another rank: the last, where all may stand who are not needed
// now, or from there one of the others.
func (l *lane) draw() {
	if l.rank > 0 && l.rank < ranks {
		l.rank = ranks
		return
	}
	l.rank = 1 + l.roll()%(ranks-1)
}

func (l *lane) roll() int {
	if l.dice != nil {
		return l.dice()
	}
	return mrand.Int()
}

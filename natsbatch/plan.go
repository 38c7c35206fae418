package natsbatch

import (
	mrand "math/rand/v2"
	"time"

	"github.com/gobatcher/batcher"
)

// lane is what the collector knows of one line.
type lane struct {
	active  int        // requests taken and not run
	backlog bool       // more was waiting when the last message came
	mean    float64    // requests in a message, of late
	starved int        // batches run since the line last got one, while others filled the slots
	rank    int        // 1 to 9: the place in the row of workers
	window  window     // in which the open batch fills
	traffic float64    // messages that all workers together got in a window, of late
	first   waiting    // pulls at the worker's rank
	top     waiting    // top-ups of the batch that is filling
	refused refusal    // of pulls of either kind
	dice    func() int // rolls; nil: by chance
}

// waiting are pulls that wait at the server.
type waiting struct {
	left int       // messages that they may still bring
	lost time.Time // when they are given up
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
}

// limits are what a plan depends on.
type limits struct {
	size  int           // requests of a batch
	slots int           // batches at once
	delay time.Duration // how long a batch waits for company
	run   time.Duration // how long Func runs, of late
}

const (
	idleWait    = 500 * time.Millisecond // how long a pull for one message waits
	rowWait     = 200 * time.Millisecond // how long other pulls do: a worker that stops hands back what they bring
	lostAfter   = 500 * time.Millisecond // how long after its end a pull is given up
	starvedRuns = 8                      // this many batches of more urgent requests may run before one of others
	busy        = 4                      // messages in a window that make traffic
	ranks       = 9
	aheadFor    = 5 * time.Millisecond // longer than a server takes to answer a pull while it syncs
	mostAhead   = 4                    // batches for each slot
	mostTaken   = 1 << 28              // requests that a worker takes to run them at once, so that no count overflows
	maxMessages = 1024                 // of a pull: the inbox must hold them
	maxBytes    = 8 << 20              // of a pull: the server ends a connection that is 64 MiB behind, and 8 pulls may wait
)

// limitsOf returns the limits of batches.
func limitsOf(batch batcher.Options) limits {
	size := min(batch.MaxSize, mostTaken)
	return limits{size: size, slots: min(batch.MaxConcurrent, mostTaken/size), delay: batch.Delay}
}

// plan says what to pull for the lane besides what waits at the server, given
// how many requests are active in more urgent lanes; nil for nothing.
//
// The server gives one message to each waiting pull in turn, so idle
// workers would split a trickle into batches of one. Two things keep it
// together. A batch that is filling is topped up at the highest priority, before
// any worker gets the first message of another. With traffic that is
// too late: messages that arrive while the top-up is under way open a batch elsewhere,
// which then is topped up too. Then the workers stand in a row instead, by
// rank, and each always has pulls waiting for twice what arrives while a batch
// fills, so that the first in the row gets all that it can run. If Func
// takes long they do not, since messages that a busy worker holds would wait although
// another may be idle.
//
// With a backlog, the worker also pulls for the batches that run next: the rest
// of a batch may be one message, and one message for each round trip is slow.
func (l *lane) plan(lim limits, urgent int, now time.Time) (first, top *pull) {
	room := lim.slots*lim.size - l.active
	if l.backlog { // no slot waits for these
		room += lim.ahead()
	}
	if room <= 0 || urgent >= lim.slots*lim.size && l.starved < starvedRuns {
		return nil, nil
	}
	if l.rank == 0 {
		l.draw()
	}
	if l.traffic >= busy && lim.run <= 2*lim.delay {
		return l.planRow(room), nil
	}
	if left := l.window.until.Sub(now); left > 0 && l.window.requests < lim.size {
		want := min(room, lim.size-l.window.requests)
		if l.top.left == 0 {
			top = &pull{batch: l.messages(want), expires: min(left, rowWait)}
		}
		room -= want
		if !l.backlog || room <= 0 {
			return nil, top
		}
	}
	switch {
	case l.first.left > 0:
	case l.backlog:
		first = &pull{batch: l.messages(room), expires: rowWait, noWait: true, priority: l.rank}
	default:
		first = &pull{batch: 1, expires: idleWait, priority: l.rank}
	}
	return first, top
}

// planRow says what to pull when there is traffic.
func (l *lane) planRow(room int) *pull {
	want := l.messages(room)
	if !l.backlog {
		want = min(want, int(2*l.traffic))
	}
	if l.first.left > want/2 {
		return nil
	}
	return &pull{batch: want - l.first.left, expires: rowWait, priority: l.rank}
}

// planOne says what to pull where one message is taken at a time.
func (l *lane) planOne() *pull {
	if l.first.left > 0 || l.active > 0 {
		return nil
	}
	return &pull{batch: 1, expires: idleWait, priority: 1}
}

// ahead is how many requests a worker keeps ready besides those that run,
// where more wait: a batch, or what runs in aheadFor, so that no slot waits for
// a pull. With a batch, at 100,000 requests a second, all synced, a slot stood
// idle for 0.45 ms between runs of 2.2 ms; with this for 0.07 ms.
func (lim limits) ahead() int {
	if lim.run <= 0 { // it is not known yet
		return lim.size
	}
	all := lim.slots * lim.size
	return max(lim.size, min(mostAhead*all, int(int64(all)*int64(aheadFor)/int64(lim.run))))
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

// sent notes a pull.
func (w *waiting) sent(p *pull, now time.Time) {
	w.left += p.batch
	w.lost = now.Add(p.expires + lostAfter)
}

// came notes that n messages came, or will not.
func (w *waiting) came(n int) { w.left = max(0, w.left-n) }

// expire gives up pulls of which nothing was heard, and gives how long until
// the next must be given up; ok is false if none waits.
func (l *lane) expire(now time.Time) (next time.Duration, ok bool) {
	for _, w := range []*waiting{&l.first, &l.top} {
		if w.left > 0 && now.After(w.lost) {
			w.left = 0
			l.refused.note("nobody answers", now)
		}
		if left := w.lost.Sub(now); w.left > 0 && (!ok || left < next) {
			next, ok = left, true
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
	all := w.last - w.first + 1
	l.traffic += (min(float64(all), maxMessages) - l.traffic) / 4
	if all >= busy && uint64(w.messages)*4 < all*3 && l.roll()%2 == 0 {
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

package natsbatch

import "time"

// lane is what the collector knows of one priority.
type lane struct {
	active  int       // requests taken and not run
	batch   int       // of them, those of the batch that is filling
	until   time.Time // when that starts, whatever it holds
	backlog bool      // more was waiting when the last came
	mean    float64   // requests in a message, of late
	starved int       // batches run since it last got any, while others filled the slots
	pull    *pull     // the one that waits at the server, or nil
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
	rank  int           // of this worker among others, by chance
}

const (
	idleWait    = time.Second            // how long a first pull waits
	lostAfter   = 500 * time.Millisecond // how long after its end a pull is given up
	starvedRuns = 8                      // so many batches of more urgent requests may run before one of others
)

// plan says what to pull for the lane, given how many requests are active in
// more urgent lanes; nil for nothing.
//
// A batch that is filling is topped up first, at the highest priority, so that
// the requests of a trickle meet in one worker; else this worker stands in
// line with the others for the next batch's first request.
func (l *lane) plan(lim limits, urgent int, now time.Time) *pull {
	room := lim.slots*lim.size - l.active
	if l.backlog { // keep one batch ahead: nobody is waiting for these
		room += lim.size
	}
	if l.pull != nil || room <= 0 || urgent >= lim.slots*lim.size && l.starved < starvedRuns {
		return nil
	}
	if left := l.until.Sub(now); left > 0 && l.batch < lim.size {
		return &pull{batch: l.messages(min(room, lim.size-l.batch)), expires: left}
	}
	return &pull{batch: l.messages(room), expires: idleWait, noWait: true, priority: 1 + lim.rank%9}
}

// messages is how many bring about so many requests.
func (l *lane) messages(requests int) int {
	return max(1, min(maxMessages, int(float64(requests)/max(1, l.mean))))
}

// maxMessages bounds a pull: the inbox must hold them.
const maxMessages = 1024

// arrived enters a message with n requests.
func (l *lane) arrived(n int, backlog bool, lim limits, now time.Time) {
	l.active += n
	l.backlog = backlog
	l.starved = 0
	if l.mean == 0 {
		l.mean = float64(n)
	}
	l.mean += (float64(n) - l.mean) / 8
	if lim.delay > 0 && (l.batch >= lim.size || !now.Before(l.until)) {
		l.batch, l.until = 0, now.Add(lim.delay)
	}
	l.batch += n
}

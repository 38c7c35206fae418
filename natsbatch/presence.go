package natsbatch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// presence is what a front end knows of its own absences. A reply that is sent
// meanwhile does not come, a worker repeats it for no longer than AckWait, and
// nothing is kept of it afterwards: who waits for it would do so for ever. Only
// watch uses it.
//
// The length of an absence is not what the connection says. That learns late
// that it is dead, and the server may have noticed long before.
type presence struct {
	last       time.Time // when it was there, or when nobody waited
	reconnects uint64    // of the connection, then
	shaky      time.Time // until then workers may try only once to reach it
	doubts     []doubt
}

// doubt is Dos that may have been answered in vain.
type doubt struct {
	sent  []*sent
	until time.Time // then what workers still repeat has come
	why   error
}

// beat is how often a front end whose Dos wait makes sure that it is there.
func (q Queue) beat() time.Duration { return max(q.AckWait/8, 50*time.Millisecond) }

// attend notes that the front end is there, if it is. If it was away for so
// long that workers may have given up Dos that wait, they are in doubt.
func (fe *frontEnd) attend(p *presence) {
	fe.despair(p)
	now, reconnects := time.Now(), fe.nc.Stats().Reconnects
	if !fe.calls.any() {
		p.last, p.reconnects = now, reconnects
		return
	}
	ctx, cancel := context.WithTimeout(fe.life, fe.AckWait/4)
	defer cancel()
	if fe.nc.FlushWithContext(ctx) != nil || fe.nc.Stats().Reconnects != reconnects {
		return
	}
	if p.reconnects != reconnects {
		fe.returned(p, time.Since(p.last))
	}
	p.last, p.reconnects = now, reconnects
}

// returned is for a front end that was away. Of the tries of a worker within AckWait
// the last may be as much as resendLost before its end. After it has given a
// front end up it repeats nothing to it for a while.
func (fe *frontEnd) returned(p *presence, away time.Duration) {
	now := time.Now()
	if away < fe.AckWait*9/10-resendLost && now.After(p.shaky) {
		return
	}
	p.shaky = now.Add(fe.AckWait + absent)
	p.doubts = append(p.doubts, doubt{
		sent:  fe.calls.all(),
		until: now.Add(fe.AckWait + resendLost),
		why:   fmt.Errorf("%w: the connection was away for %v, and its answer may have come meanwhile", ErrUnknownOutcome, away.Round(time.Millisecond)),
	})
}

// despair tells Dos that have been in doubt for long enough.
func (fe *frontEnd) despair(p *presence) {
	for len(p.doubts) > 0 && time.Now().After(p.doubts[0].until) {
		for _, s := range p.doubts[0].sent {
			fe.calls.fail(s, p.doubts[0].why)
		}
		p.doubts = p.doubts[1:]
	}
}

// any reports whether an ask waits.
func (c *calls) any() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sent) > 0
}

// all gives the envelopes that asks wait for.
func (c *calls) all() []*sent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.sent))
}

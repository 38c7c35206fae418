package natsbatch

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// presence is what a front end knows of its own absences. A reply that is sent
// meanwhile does not come, a worker repeats it for no longer than AckWait, and
// nothing is kept of it afterwards: who waits for it would do so for ever. Only
// watch uses it.
//
// The length of an absence is not what the connection says. That learns late
// that it is dead, and the server may have noticed long before. And servers may
// lose one another while each keeps its clients.
type presence struct {
	last       time.Time // when it was there, or when nobody waited
	reconnects uint64    // of the connection, then
	missed     bool      // it has asked since then, and nobody answered
	left, back time.Time // when the latest absence began, and ended
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

// harmless is how long a front end may be away without a doubt: of the tries of a
// worker within AckWait the last may be as much as resendLost before its end.
func (q Queue) harmless() time.Duration { return q.AckWait*9/10 - q.resendLost() }

// attend notes that the front end is there, if it is: if it reaches the server that
// has the requests, with which workers must speak too. If it was away for so long
// that workers may have given up Dos that wait, they are in doubt.
func (fe *frontEnd) attend(p *presence) {
	fe.despair(p)
	now, reconnects := time.Now(), fe.nc.Stats().Reconnects
	if passed(p.last) >= fe.harmless() { // it slept, or is away: workers may have given it up
		p.shaky = now.Add(fe.AckWait + absent)
	}
	if !fe.calls.any() {
		p.last, p.reconnects, p.missed = now, reconnects, false
		return
	}
	if alone, ok := fe.reach(reconnects); !ok {
		p.missed = true
		if since := now.Add(-alone); since.Before(p.last) {
			p.last = since
		}
		return
	}
	if p.missed || p.reconnects != reconnects { // else what came while it slept is there
		fe.returned(p)
	}
	p.last, p.reconnects, p.missed = now, reconnects, false
}

// mostAlone is more than the 2 s that may lie between signs of life of a cluster's
// servers.
const mostAlone = 2500 * time.Millisecond

// reach reports whether the server answers that has the requests, by the connection
// counted so. One that is cut off from the others, with its clients, does so for
// 10 s, and they are away all the same: alone is since when.
func (fe *frontEnd) reach(reconnects uint64) (alone time.Duration, ok bool) {
	ctx, cancel := context.WithTimeout(fe.life, fe.AckWait/4)
	defer cancel()
	info, err := fe.requests.Info(ctx)
	if err != nil || fe.nc.Stats().Reconnects != reconnects {
		return 0, false
	}
	alone = quiet(info.Cluster)
	return alone, alone <= mostAlone
}

// quiet is how long the leader of a stream has not heard of as many others as it
// needs.
func quiet(c *jetstream.ClusterInfo) time.Duration {
	if c == nil || len(c.Replicas) == 0 {
		return 0
	}
	var others []time.Duration
	for _, r := range c.Replicas {
		others = append(others, r.Active)
	}
	slices.Sort(others)
	return others[(len(others)-1)/2]
}

// returned is for a front end that was away. What follows an absence within
// AckWait is the same one: each try of a worker may have come to nothing in one of
// its parts. After a worker has given a front end up it repeats nothing to it for a
// while.
func (fe *frontEnd) returned(p *presence) {
	now := time.Now()
	if passed(p.back) > fe.AckWait {
		p.left = p.last
	}
	p.back = now
	away := passed(p.left)
	if away < fe.harmless() && now.After(p.shaky) {
		return
	}
	p.shaky = now.Add(fe.AckWait + absent)
	p.doubts = append(p.doubts, doubt{
		sent:  fe.calls.all(),
		until: now.Add(2*fe.AckWait + time.Second), // what a worker lost with its server comes again within AckWait, and runs
		why:   fmt.Errorf("%w: the front end was away for %v, and its answer may have come meanwhile", ErrUnknownOutcome, away.Round(time.Millisecond)),
	})
}

// passed is how long ago t was, by the clock that goes on while the machine is
// suspended, or by the other one, which nobody sets back.
func passed(t time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)))
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

package natsbatch

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// presence is what a front end knows of its own absences. A worker stores a reply that
// its front end does not answer, and the stream keeps it for [Queue.kept]. A front end
// that cannot look for as long may have missed it, and the Do would wait for ever. Only
// watch uses presence.
//
// The connection does not tell how long an absence was. It learns late that it is
// dead, and the server may have noticed long before. And servers may lose one another
// while each keeps its clients.
type presence struct {
	looked time.Time // when it last had all that was stored for it, or when no Do waited
	stream time.Time // when the result stream was created that it looked at
	read   uint64    // the last message of that stream then
	doubts []doubt
}

// doubt is Dos whose answers may have been missed.
type doubt struct {
	sent  []*sent
	until time.Time // by then the answers that are still under way have come
	why   error
}

// beat is how often a front end whose Dos wait looks for what is stored for it: some
// times before it counts as absent.
func (q Queue) beat() time.Duration { return min(2*time.Second, q.kept()/8) }

// kept is how long a front end finds what is stored for it.
func (q Queue) kept() time.Duration { return min(q.letterTTL(), q.ResultTTL) }

// attend looks for what is stored for Dos that wait. If it could not for so long that
// some of it may be gone again, they are in doubt.
func (fe *frontEnd) attend(p *presence) {
	fe.despair(p)
	now := time.Now()
	if !fe.calls.any() {
		p.looked = now
		return
	}
	if alone, err := fe.look(p); err != nil {
		if since := now.Add(-alone); since.Before(p.looked) {
			p.looked = since
		}
		return
	}
	if away := passed(p.looked); away > fe.queue.kept()/2 {
		p.doubts = append(p.doubts, doubt{
			sent:  fe.calls.all(),
			until: time.Now().Add(2*fe.queue.AckWait + time.Second), // what a worker lost with its server comes again within AckWait, and runs
			why:   fmt.Errorf("%w: the front end was away for %v, and its answer may have come meanwhile", ErrUnknownOutcome, away.Round(time.Millisecond)),
		})
	}
	p.looked = now
}

// mostAlone is more than the 2 s that may pass between signs of life of the servers of
// a cluster.
const mostAlone = 2500 * time.Millisecond

// errAlone: the server that leads the result stream is cut off from the others, which
// may follow another one.
var errAlone = errors.New("natsbatch: the server is cut off from the others")

// look reads what was stored for this front end since it last looked. A server that is
// cut off from the others, together with its clients, goes on leading the stream for
// 10 s: alone is how long it has been cut off.
func (fe *frontEnd) look(p *presence) (alone time.Duration, err error) {
	ctx, cancel := fe.question(fe.life, askTry)
	defer cancel()
	info, err := fe.results.Info(ctx)
	if err != nil {
		return 0, err
	}
	if alone = quiet(info.Cluster); alone > mostAlone {
		return alone, errAlone
	}
	if !info.Created.Equal(p.stream) || info.State.LastSeq < p.read { // it is another, or has lost its end with a server
		p.stream, p.read = info.Created, 0
	}
	for p.read < info.State.LastSeq {
		if err := fe.next(p); errors.Is(err, jetstream.ErrMsgNotFound) {
			p.read = info.State.LastSeq
		} else if err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// next reads the next letter that is stored for this front end.
func (fe *frontEnd) next(p *presence) error {
	ctx, cancel := fe.question(fe.life, min(lookTry, fe.queue.kept()/4))
	defer cancel()
	msg, err := fe.results.GetMsg(ctx, p.read+1, jetstream.WithGetMsgSubject(fe.queue.lettersSubject(stored, fe.id)+">"))
	if err != nil {
		return err
	}
	fe.hear(msg.Data)
	p.read = msg.Sequence
	return nil
}

// quiet is how long the leader of a stream has not heard from as many others as it
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

// passed is how long ago t was, by the clock that goes on while the machine is
// suspended or by the monotonic one, whichever says more.
func passed(t time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)))
}

// despair answers Dos that have been in doubt for long enough.
func (fe *frontEnd) despair(p *presence) {
	for len(p.doubts) > 0 && time.Now().After(p.doubts[0].until) {
		for _, s := range p.doubts[0].sent {
			fe.calls.fail(s, 0, len(s.asks), p.doubts[0].why)
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

// all returns the envelopes that asks wait for.
func (c *calls) all() []*sent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.sent))
}

package batcher

import "container/list"

// admission bounds the requests accepted and not yet answered. Those that
// wait for room get it in the order in which they came; nobody overtakes
// them. Its owner's lock guards it.
type admission struct {
	used     int       // taken
	limit    int       // zero: none
	waiting  list.List // of *entrant
	reserved int       // of used: given to who waited and has not come yet
}

// entrant waits for room.
type entrant struct {
	let     chan struct{} // closed when it is called
	granted bool
	elem    *list.Element
}

// enter takes room for one request, if there is any and nobody waits for it or
// has yet to come who was called.
func (a *admission) enter() bool {
	if a.limit > 0 && (a.used >= a.limit || a.waiting.Len() > 0 || a.reserved > 0) {
		return false
	}
	a.used++
	return true
}

// queue stands in line.
func (a *admission) queue() *entrant {
	e := &entrant{let: make(chan struct{})}
	e.elem = a.waiting.PushBack(e)
	return e
}

// leave gives the room of n requests back and passes it on to who waits.
func (a *admission) leave(n int, then *after) {
	a.used -= n
	a.call(then)
}

// call gives room to the first in line, if there is any. The next one is called
// when that one has come: of several the last might come first.
func (a *admission) call(then *after) {
	if a.reserved == 0 && a.waiting.Len() > 0 && a.used < a.limit {
		a.used++
		a.reserved++
		a.next(then).granted = true
	}
}

// claim takes the room that was given to who was called and has the next one called.
func (a *admission) claim(then *after) {
	a.reserved--
	a.call(then)
}

// forgo takes e out of the line, or gives the room back that it was given.
func (a *admission) forgo(e *entrant, then *after) {
	if !e.granted {
		a.waiting.Remove(e.elem)
		return
	}
	a.reserved--
	a.leave(1, then)
}

// turnAway sends home all who wait.
func (a *admission) turnAway(then *after) {
	for a.waiting.Len() > 0 {
		a.next(then)
	}
}

// next calls the first in line.
func (a *admission) next(then *after) *entrant {
	e := a.waiting.Remove(a.waiting.Front()).(*entrant)
	then.close(e.let)
	return e
}

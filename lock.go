package batcher

// This file is how a critical section of a pool begins and ends.

// after collects what to do once the lock is released.
type after struct {
	any     bool            // there is something to do
	wake    []chan struct{} // to close
	stop    []func() bool   // to call
	relieve int             // slots to continue in new goroutines
}

func (a *after) close(c chan struct{}) {
	if c != nil {
		a.wake, a.any = append(a.wake, c), true
	}
}

func (a *after) call(stop func() bool) { a.stop, a.any = append(a.stop, stop), true }

// lock begins a critical section where its cost matters: on the way in, and
// between two batches of a slot. A sync.Mutex that is taken parks the goroutine
// at once if the processor has others to run, and else spins for longer than a
// section lasts. Trying again a few times first took a burst from 1.18 to 1.13
// of its floor, 1,024 callers from 1.16 to 1.12 and 64 from 1.08 to 1.05.
func (p *pool[Req, Res]) lock() {
	if !p.mu.TryLock() {
		p.lockContended()
	}
}

func (p *pool[Req, Res]) lockContended() {
	for range lockTries {
		for range lockPause {
		}
		if p.mu.TryLock() {
			return
		}
	}
	p.mu.Lock()
}

const (
	lockTries = 4
	lockPause = 100 // turns of an empty loop, some 30 ns; half as many helped as much, twice as many less
)

// unlock ends a critical section of a Submit, a Do or a timer: it starts the
// slots that the section has made necessary and wakes the callers that it has
// answered.
func (p *pool[Req, Res]) unlock() { p.release(false) }

// unlockApart is unlock for all others. It calls Options.Go only in a new
// goroutine: Go may wait for a worker, or run a slot, and these callers are
// promised not to wait, or no longer than a context lasts. The goroutine of a
// slot may be the worker that Go waits for, and a panic of Go would come before
// its own batch has run or been answered.
func (p *pool[Req, Res]) unlockApart() { p.release(true) }

// release is unlock, or unlockApart.
func (p *pool[Req, Res]) release(apart bool) {
	if p.busies() {
		p.unlockAndAct(apart && p.launch != nil)
		return
	}
	p.mu.Unlock()
}

// busies reports whether a critical section leaves something to do. p.mu is
// held.
func (p *pool[Req, Res]) busies() bool {
	return p.wanted > p.coming && p.busy < p.slots || p.after.any
}

// unlockAndAct does what is to be done. If apart is set, it starts slots from a
// new goroutine. p.mu is held, and released.
func (p *pool[Req, Res]) unlockAndAct(apart bool) {
	p.letIn()
	starts := max(0, min(p.wanted-p.coming, p.slots-p.busy))
	then := proceed
	p.busy += starts
	p.coming += starts
	if p.inLine == 0 {
		then = p.gather()
		p.gathering += starts
	}
	if p.drained != nil && p.busy == 0 && p.room.used == 0 {
		p.after.close(p.drained)
		p.drained = nil
	}
	acts := p.after
	p.after = after{any: p.drained != nil}
	p.mu.Unlock()
	for _, c := range acts.wake {
		close(c)
	}
	for _, stop := range acts.stop {
		endWatch(stop)
	}
	for range acts.relieve {
		go p.work(proceed)
	}
	switch {
	case starts == 0:
	case apart:
		go p.startAll(then, starts)
	default:
		p.startAll(then, starts)
	}
}

// endWatch calls stop, and with it a context, which may be foreign. If that
// panics, it goes on watching what has ended, and no more is lost. The panic goes
// no further: it would come to a goroutine that has slots to start, or the
// answers of others to give.
func endWatch(stop func() bool) {
	defer func() { _ = recover() }()
	stop()
}

package batcher

import "context"

// Close refuses new requests, processes all that were accepted, and returns
// when all are answered. Requests that wait for room fail with [ErrClosed];
// so do those of a StrictSize batch below MinSize. Close always returns nil and
// may be called again. Called from within Func it never returns.
func (b *Batcher[Req, Res]) Close() error { return b.Shutdown(context.Background()) }

// Shutdown is Close bounded by ctx. If ctx ends while requests have no answer,
// Shutdown ends the contexts of running Funcs, fails every request that has not
// begun to run with [ErrClosed], and returns ctx's cause without waiting any
// longer. The callers of a running Func get what it returns, when it returns,
// but [ErrClosed] for context.Canceled; their requests may have had effects.
// Called from within Func, Shutdown does not return before ctx ends.
func (b *Batcher[Req, Res]) Shutdown(ctx context.Context) error { return b.shutdown(ctx) }

// shutdown is Shutdown of all the Batchers of a pool.
func (p *pool[Req, Res]) shutdown(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.turnAway()
	for b := range p.all {
		switch {
		case b.open == nil:
		case b.strict && b.open.len() < b.ready:
			b.open.abort(ErrClosed, &p.stats.Failed)
		default:
			b.seal(b.open, TriggerClose)
		}
	}
	if p.drained == nil {
		p.drained, p.after.any = make(chan struct{}), true
	}
	drained := p.drained
	p.unlockApart()

	select {
	case <-drained:
		return nil
	default:
	}
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
	}
	if !p.abandon() {
		return nil // only slots were left, which have not seen yet that nothing is due
	}
	return causeOf(ctx)
}

// abandon fails what has not begun to run and ends the contexts of what has. It
// reports whether there were requests without an answer.
func (p *pool[Req, Res]) abandon() (left bool) {
	p.mu.Lock()
	p.abandoned, left = true, p.room.used > 0
	for b := range p.all {
		for b.sealed.first != nil {
			b.sealed.first.abort(ErrClosed, &p.stats.Failed)
		}
	}
	var runs []*funcContext
	for batch := p.running.first; batch != nil; batch = batch.next {
		runs = append(runs, batch.run)
	}
	p.unlockApart()
	for _, run := range runs {
		run.end(ErrClosed)
	}
	return left
}

// snapshot returns the counters.
func (p *pool[Req, Res]) snapshot() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Pending = p.room.used
	s.Submitted = s.Succeeded + s.Failed + s.Canceled + uint64(s.Pending)
	if p.limit != never {
		s.SizeLimit = p.limit
	}
	if p.sizer != nil {
		s.LimitMoved = p.sizer.reason()
	}
	return s
}

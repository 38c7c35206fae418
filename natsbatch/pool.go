package natsbatch

import (
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
)

// pool is a Keyed that forms batches of items that have been suspected
// equally often: fresh ones apart from those that may have killed a process.
type pool struct {
	*batcher.Keyed[poolKey, *item, struct{}]
}

// poolKey is what the items of one batch have in common.
type poolKey struct {
	priority Priority
	group    string
}

// pools are those that a worker has needed so far: it may allow far more suspicions
// than it will ever see.
type pools struct {
	mu sync.Mutex // guards what follows
	by map[int]*pool
}

// pool returns the pool of items that have been suspected this often. Together the
// pools run no more batches at once than Batch.MaxConcurrent.
func (w *Worker) pool(suspect int) *pool {
	suspect = min(suspect, w.runs()-1)
	w.pools.mu.Lock()
	defer w.pools.mu.Unlock()
	p := w.pools.by[suspect]
	if p == nil {
		p = w.newPool(suspect)
		w.pools.by[suspect] = p
	}
	return p
}

func (w *Worker) newPool(suspect int) *pool {
	opts := w.opts.Batch
	opts.MaxSize = w.batchSize(suspect)
	opts.MinSize = min(opts.MinSize, opts.MaxSize)
	if suspect > 0 {
		opts.Delay, opts.MinSize = 0, 0
	}
	return &pool{batcher.NewKeyed(func(ctx context.Context, key poolKey, items []*item) ([]struct{}, error) {
		w.run(ctx, key.group, items)
		return make([]struct{}, len(items)), nil
	}, opts)}
}

// shutdown ends all pools, of which no more are made by then.
func (p *pools) shutdown(ctx context.Context) {
	p.mu.Lock()
	all := slices.Collect(maps.Values(p.by))
	p.mu.Unlock()
	var ends sync.WaitGroup
	for _, one := range all {
		ends.Go(func() { _ = one.Shutdown(ctx) })
	}
	ends.Wait()
}

// batchSize is the size limit of batches of requests that have been suspected this
// often, out of the runs that they have: size at first, one in the last run, and
// falling by equal factors in between.
func batchSize(size, suspect, runs int) int {
	if suspect <= 0 {
		return size
	}
	if suspect >= runs-1 {
		return 1
	}
	return max(1, int(math.Pow(float64(size), 1-float64(suspect)/float64(runs-1))+1e-9))
}

func (w *Worker) batchSize(suspect int) int {
	return batchSize(w.opts.Batch.MaxSize, suspect, w.runs())
}

// submit puts items into batches.
func (w *Worker) submit(p *pool, items []*item) {
	for _, it := range items {
		key := poolKey{priority: it.from.priority}
		if w.grouped {
			key.group = it.req.Group
		}
		p.Submit(it, key, it)
	}
}

// run runs one batch in a slot of the Batcher and one of the worker's, and
// leaves its settling to another goroutine, so that the slot is free for the
// next batch meanwhile.
func (w *Worker) run(ctx context.Context, group string, items []*item) {
	if !w.occupy() {
		verdicts := handBack(items)
		w.settle(verdicts, func() {})
		w.freed(verdicts, false)
		w.freed(verdicts, true)
		return
	}
	verdicts := make([]verdict, len(items))
	for i, it := range items {
		verdicts[i].item = it
	}
	defer func() { // also if a Codec calls runtime.Goexit
		<-w.slots
		w.freed(verdicts, false)
		w.settleLater(verdicts)
	}()
	live := dropExpired(verdicts)
	w.figures.expired.Add(uint64(len(verdicts) - len(live)))
	if len(live) > 0 {
		w.figures.batches.Add(1)
		w.figures.requests.Add(uint64(len(live)))
		begun := time.Now()
		w.process(ctx, group, live)
		w.collector.ran(time.Since(begun))
	}
}

// occupy waits for a slot, and for a place among the batches that are not settled;
// false: the worker shuts down, and nothing more is run.
func (w *Worker) occupy() bool {
	select {
	case w.unsettledRuns <- struct{}{}:
	case <-w.open.Done():
		return false
	}
	select {
	case w.slots <- struct{}{}:
		if w.open.Err() == nil {
			return true
		}
		<-w.slots
	case <-w.open.Done():
	}
	<-w.unsettledRuns
	return false
}

// settleLater settles a batch that has run, unless Shutdown has run out of
// time: then an error of Func is due to that, and the answers to replies may not be
// heard any more.
func (w *Worker) settleLater(verdicts []verdict) {
	w.gate.RLock()
	defer w.gate.RUnlock()
	if w.over || w.ctx.Err() != nil {
		<-w.unsettledRuns
		w.freed(verdicts, true)
		return
	}
	leave := sync.OnceFunc(func() {
		<-w.unsettledRuns
		w.freed(verdicts, true)
	})
	w.later(func() {
		w.settle(verdicts, leave)
		leave()
	})
}

// freed tells the collector of requests that have run, or will not: of those of
// line again, or of all others. For line again that is when they are settled, since
// the next one may kill the worker, and what is not settled counts as suspect; or
// when they wait for room, which may take for ever.
func (w *Worker) freed(verdicts []verdict, again bool) {
	var n [lines]int
	for i := range verdicts {
		n[verdicts[i].item.from.line]++
	}
	for l := range n {
		if n[l] > 0 && again == (line(l) == lineAgain) {
			w.collector.freed(line(l), n[l])
		}
	}
}

// dropExpired moves the verdicts of items whose deadline has passed to the
// end, makes them say so, and returns the others.
func dropExpired(verdicts []verdict) []verdict {
	now, n := time.Now(), 0
	for i := range verdicts {
		if verdicts[i].item.expired(now) {
			verdicts[i].fail(wire.StatusExpired, "")
			continue
		}
		verdicts[n], verdicts[i] = verdicts[i], verdicts[n]
		n++
	}
	return verdicts[:n]
}

package loader_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/loader"
)

// TestModel has many goroutines load, clear, prime and leave at random, over a
// database whose rows change and whose queries sometimes fail, and checks that
// every answer is one that the database gave for that key no earlier than the
// last Clear before the Load began.
func TestModel(t *testing.T) {
	all := func(error) bool { return true }
	for name, opts := range map[string]loader.Options[int, version]{
		"zero":      {},
		"errors":    {CacheErrors: all, Batch: batcher.Options{MaxConcurrent: 3, MaxSize: 5}},
		"noCache":   {NoCache: true, Batch: batcher.Options{Delay: 3 * time.Millisecond}},
		"ownCache":  {Cache: evicting{}, CacheErrors: all, Batch: batcher.Options{MaxConcurrent: -1}},
		"bounded":   {Batch: batcher.Options{MaxPending: 7, MaxConcurrent: 2}},
		"boundedIn": {Cache: evicting{}, Batch: batcher.Options{MaxPending: 4, MinSize: 3}},
	} {
		for seed := range uint64(8) {
			t.Run(fmt.Sprintf("%s/%d", name, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { newModel(t, seed, opts).run() })
			})
		}
	}
}

// version is a row: as a value, or as the error of a row that cannot be read.
type version struct{ key, number int }

func (v version) Error() string {
	return fmt.Sprintf("row %d is broken in version %d", v.key, v.number)
}

const rows = 12

type model struct {
	t      *testing.T
	seed   uint64
	loader *loader.Loader[int, version]

	mu     sync.Mutex // guards what follows
	rng    *rand.Rand // of the database
	number [rows]int  // the rows' versions
	floor  [rows]int  // and which of them was the latest Clear's
}

func newModel(t *testing.T, seed uint64, opts loader.Options[int, version]) *model {
	m := &model{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 0))}
	if opts.Cache != nil {
		opts.Cache = evicting{}
	}
	m.loader = loader.New(m.fetch, opts)
	return m
}

func (m *model) run() {
	var wg sync.WaitGroup
	for g := range uint64(16) {
		rng := rand.New(rand.NewPCG(m.seed, 1+g))
		wg.Go(func() {
			for range 60 {
				time.Sleep(time.Duration(rng.IntN(4000)) * time.Microsecond)
				m.step(rng)
			}
		})
	}
	wg.Wait()
	time.Sleep(time.Minute) // fetches that nobody waits for end
	if n := loader.Underway(m.loader); n != 0 {
		m.t.Errorf("the idle Loader holds %d calls, fetches or empty entries", n)
	}
}

func (m *model) step(rng *rand.Rand) {
	key := rng.IntN(rows)
	switch rng.IntN(10) {
	case 0, 1:
		m.change(key, func() { m.loader.Clear(key) })
	case 2:
		m.change(key, func() {
			m.loader.Clear(key)
			m.loader.Prime(key, version{key, m.number[key]})
		})
	case 3:
		m.mu.Lock()
		m.loader.Prime(key, version{key, m.number[key]})
		m.mu.Unlock()
	case 4:
		if rng.IntN(5) == 0 {
			m.change(key, func() {
				m.loader.ClearAll()
				m.floor = m.number
			})
		}
	case 5, 6:
		m.loadAll(rng)
	default:
		m.load(rng, key)
	}
}

// change makes a new version of a row and tells the loader.
func (m *model) change(key int, tell func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.number[key]++
	tell()
	m.floor[key] = m.number[key]
}

func (m *model) load(rng *rand.Rand, key int) {
	ctx, stop := patience(rng)
	defer stop()
	floor := m.floors()
	value, err := m.loader.Load(ctx, key)
	m.check(ctx, key, floor[key], value, err)
}

func (m *model) loadAll(rng *rand.Rand) {
	ctx, stop := patience(rng)
	defer stop()
	keys := make([]int, 1+rng.IntN(6))
	for i := range keys {
		keys[i] = rng.IntN(rows)
	}
	floor := m.floors()
	values, err := m.loader.LoadAll(ctx, keys)
	errs := make(batcher.Errors, len(keys))
	if err != nil && !errors.As(err, &errs) {
		m.t.Errorf("LoadAll: %v, want a batcher.Errors", err)
	}
	for i, key := range keys {
		m.check(ctx, key, floor[key], values[i], errs[i])
	}
}

// patience returns a context that ends soon, or never.
func patience(rng *rand.Rand) (context.Context, context.CancelFunc) {
	if rng.IntN(2) == 0 {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeoutCause(context.Background(), time.Duration(rng.IntN(9000))*time.Microsecond, errLeft)
}

func (m *model) floors() [rows]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.floor
}

// check judges the answer to a Load that began when floor was the version of
// the latest Clear.
func (m *model) check(ctx context.Context, key, floor int, value version, err error) {
	m.mu.Lock()
	latest := m.number[key]
	m.mu.Unlock()
	var panicked *batcher.PanicError
	switch {
	case err == errLeft && ctx.Err() != nil, errors.As(err, &panicked) && panicked.Value == "query":
		return
	case err != nil && !errors.As(err, &value):
		m.t.Errorf("key %d: %v", key, err)
		return
	}
	if value.key != key || value.number < floor || value.number > latest {
		m.t.Errorf("key %d: got %+v (error %v), want version %d to %d", key, value, err, floor, latest)
	}
}

// fetch takes its time, reads the rows somewhere in the middle, and may fail.
func (m *model) fetch(ctx context.Context, keys []int) (map[int]version, error) {
	seen := map[int]bool{}
	for _, key := range keys {
		if seen[key] {
			m.t.Errorf("key %d stands twice in %v", key, keys)
		}
		seen[key] = true
	}
	if len(keys) == 0 {
		m.t.Error("fetched no keys")
	}
	if err := m.pause(ctx); err != nil {
		return nil, err
	}
	found, failed := m.read(keys)
	if err := m.pause(ctx); err != nil {
		return nil, err
	}
	if len(failed) == 0 {
		return found, nil
	}
	return found, fmt.Errorf("query: %w", failed)
}

// read returns the rows of keys, and of two more.
func (m *model) read(keys []int) (map[int]version, loader.Errors[int]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rng.IntN(15) == 0 {
		panic("query")
	}
	found, failed := map[int]version{}, loader.Errors[int]{}
	for _, key := range append(keys, m.rng.IntN(rows), m.rng.IntN(rows)) {
		if row := (version{key, m.number[key]}); m.rng.IntN(8) == 0 {
			failed[key] = row
		} else {
			found[key] = row
		}
	}
	return found, failed
}

// pause waits, no longer than ctx lasts; then nobody may see its error.
func (m *model) pause(ctx context.Context) error {
	m.mu.Lock()
	d := time.Duration(m.rng.IntN(3000)) * time.Microsecond
	m.mu.Unlock()
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// evicting is a Cache for few keys: it drops one at random.
type evicting map[int]batcher.Result[version]

func (e evicting) Get(key int) (r batcher.Result[version], ok bool) { r, ok = e[key]; return }
func (e evicting) Delete(key int)                                   { delete(e, key) }
func (e evicting) Clear()                                           { clear(e) }
func (e evicting) Set(key int, r batcher.Result[version]) {
	for victim := range e {
		if len(e) < rows/2 {
			break
		}
		delete(e, victim)
	}
	e[key] = r
}

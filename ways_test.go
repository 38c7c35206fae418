package batcher

import (
	"testing"
	"time"
)

// measured is a pool whose batches take as long as cost says.
type measured struct {
	*pool[int, int]
	cost map[bool]time.Duration // of a batch, by whether callers yield
	now  time.Duration
	took map[bool]time.Duration // in all
}

func newMeasured(parked, yielding time.Duration) *measured {
	return &measured{
		pool: newPool[int, int](Options{}.policy(), 1, nil),
		cost: map[bool]time.Duration{false: parked, true: yielding},
		took: map[bool]time.Duration{},
	}
}

// run runs batches of 64 for a time.
func (m *measured) run(d time.Duration) {
	for end := m.now + d; m.now < end; {
		cost := m.cost[m.ways.yields]
		m.now += cost
		m.took[m.ways.yields] += cost
		m.ways.compare(64, m.now)
	}
}

// Callers wait in the way that takes less time, and soon follow when the other
// one does.
func TestCallersWaitInTheBetterWay(t *testing.T) {
	const round = (stints + 1) * stint
	for _, c := range []struct {
		name             string
		parked, yielding time.Duration
		yields           bool
	}{
		{"yield", 20 * time.Microsecond, 16 * time.Microsecond, true},
		{"parked", 20 * time.Microsecond, 30 * time.Microsecond, false},
		{"alike", 20 * time.Microsecond, 20 * time.Microsecond, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMeasured(c.parked, c.yielding)
			m.run((2*pairs + 1) * stint) // after the first comparison
			if m.ways.yields != c.yields {
				t.Fatalf("after the first comparison, yields is %v", m.ways.yields)
			}
			clear(m.took)
			m.run(10 * round)
			if worse := m.took[!c.yields]; worse == 0 || worse > 10*round/30 {
				t.Errorf("in the worse way for %v of %v", worse, 10*round)
			}
			m.cost[false], m.cost[true] = 40*time.Microsecond, 40*time.Microsecond
			m.cost[!c.yields] = 20 * time.Microsecond
			m.run(2 * round)
			if m.ways.yields == c.yields {
				t.Errorf("after the costs have changed, yields still is %v", c.yields)
			}
		})
	}
}

// A stint that something else has slowed down does not decide.
func TestOneSlowStintDoesNotDecide(t *testing.T) {
	m := newMeasured(20*time.Microsecond, 16*time.Microsecond)
	m.run(stint) // what came before the first comparison
	m.run(stint) // parked
	m.cost[true] = 500 * time.Microsecond
	m.run(stint)
	if m.ways.losses != 1 {
		t.Fatalf("after a slow stint: %+v", m.ways)
	}
	m.cost[true] = 16 * time.Microsecond
	m.run(2 * pairs * stint)
	if !m.ways.yields {
		t.Errorf("after the comparison: %+v", m.ways)
	}
}

// Callers yield only if they have company and answers come soon.
func TestWhoYields(t *testing.T) {
	p := newPool[int, int](Options{}.policy(), 1, nil)
	b := new(Batcher[int, int]).on(p, nil)
	p.procs, b.last = 2, 64
	for _, c := range []struct {
		yielding, selects bool
		i                 int
		want              bool
	}{
		{false, false, 63, false},
		{false, true, 63, false},
		{true, false, 31, false},
		{true, false, 32, true},
		{true, true, 1, true},
	} {
		p.yielding = c.yielding
		if got := b.yields(c.i, c.selects); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

package modeltest

import (
	"fmt"
	"slices"

	"github.com/gobatcher/batcher"
)

// keys is how many keys a plan uses.
const keys = 3

// setting is what all worlds of one run share.
type setting struct {
	rules
	now  instant
	asks []*ask // by request
}

// ask is what is known of a request when it is made.
type ask struct {
	Request
	do       bool    // by Do: its caller has no Future
	cause    error   // of its context, should that end
	deadline instant // of its context; never if it has none
	ended    bool    // its context was canceled
}

// world is one possible state of the real thing. Slices of ints are never
// written to, only replaced, so that a clone may share them.
type world struct {
	*setting
	state
}

type state struct {
	open      [keys]int   // the batch that collects, or none
	sealed    [keys][]int // batches that wait for a slot
	batches   []batch
	coming    []int // requests whose callers are on their way in
	line      []int // requests that wait for room
	let       []int // requests that were given room and are on their way in
	lapsed    []int // requests whose context's deadline has struck
	closers   []closer
	handles   []int           // batches that the plan has got hold of, or none
	answers   []fate          // by request: what its batch says
	freed     []fate          // by request: what Do said before, while Func ran
	passed    [keys][keys]int // how often the second went first while the first waited for a slot
	closed    bool
	abandoned bool
	counters
	begun []int // batches that have begun since the last look, in order
}

// counters are batcher.Stats, comparable.
type counters struct {
	Submitted, Rejected, Succeeded, Failed, Canceled, Batches uint64
	Started                                                   [batcher.TriggerClose + 1]uint64
}

// closer is a call of Close or Shutdown.
type closer struct {
	until    instant // its context's deadline
	returned bool
	gaveUp   bool
	at       instant
}

type phase uint8

const (
	collecting phase = iota
	waiting          // sealed
	taken            // by a slot, about to begin
	running
	done
	aborted
	hollow // over without a run, since nobody was left
)

// batch is what the model knows of a batch.
type batch struct {
	key     int
	phase   phase
	ids     []int // in the order of joining
	gone    []int // of them: withdrawn
	left    []int // of them: whose callers left while Func ran
	opened  instant
	trigger batcher.Trigger
	alarm   instant // when its delay will have passed; never if it has none or it has
	overdue bool    // it has
	hurried bool    // a deadline of a request is near
	ends    instant // when Func is to return
	ctx     ending  // of Func's context
	own     fate    // the batch's own error
	at      instant // when it began, then when it was over
}

// ending is why Func's context has ended.
type ending uint8

const (
	lasts   ending = iota
	struck         // its deadline
	forlorn        // all callers have left, or Shutdown has run out of time
)

func newWorld(s *setting) *world {
	w := &world{setting: s}
	for k := range w.open {
		w.open[k] = none
	}
	if s.hand {
		w.open[0] = 0
		w.batches = []batch{{alarm: never}}
		w.handles = []int{0}
	}
	return w
}

func (w *world) clone() *world {
	c := *w
	c.batches = slices.Clone(w.batches)
	c.closers = slices.Clone(w.closers)
	c.answers = slices.Clone(w.answers)
	c.freed = slices.Clone(w.freed)
	return &c
}

// id tells worlds apart.
func (w *world) id() string { return fmt.Sprint(w.state) }

// with and without give new slices; with puts id last, within in order, where
// it makes no difference who came first.
func with(ids []int, id int) []int { return append(slices.Clip(ids), id) }

func within(ids []int, id int) []int {
	i, _ := slices.BinarySearch(ids, id)
	return slices.Insert(slices.Clone(ids), i, id)
}

func without(ids []int, id int) []int {
	return slices.DeleteFunc(slices.Clone(ids), func(x int) bool { return x == id })
}

// live are the requests of b that were not withdrawn.
func (b *batch) live() []int {
	return slices.DeleteFunc(slices.Clone(b.ids), func(id int) bool { return slices.Contains(b.gone, id) })
}

// counted are those that count for MaxSize and MinSize.
func (w *world) counted(b *batch) []int {
	if w.strict {
		return b.live()
	}
	return b.ids
}

func (w *world) size(b *batch) int {
	if w.strict {
		return len(b.ids) - len(b.gone)
	}
	return len(b.ids)
}

func (w *world) weight(b *batch) (sum int) {
	for _, id := range w.counted(b) {
		sum += w.weighs(id)
	}
	return sum
}

func (w *world) weighs(id int) int { return max(0, w.asks[id].Weighs) }

func (w *world) pending() int { return int(w.Submitted - w.Succeeded - w.Failed - w.Canceled) }

// hasRoom reports whether one more request may enter.
func (w *world) hasRoom() bool { return w.pending()+len(w.let) < w.room }

// isFull reports whether a request that comes now must wait or is refused.
func (w *world) isFull() bool { return !w.hasRoom() || len(w.line) > 0 || len(w.let) > 0 }

func (w *world) busy() (n int) {
	for i := range w.batches {
		if p := w.batches[i].phase; p == taken || p == running {
			n++
		}
	}
	return n
}

// running counts the batches in Func.
func (w *world) inFunc() (n int) {
	for i := range w.batches {
		if w.batches[i].phase == running {
			n++
		}
	}
	return n
}

// isDue reports whether key k has a batch that takes a slot.
func (w *world) isDue(k int) bool {
	if len(w.sealed[k]) > 0 {
		return true
	}
	if w.open[k] == none {
		return false
	}
	b := &w.batches[w.open[k]]
	return w.size(b) >= w.enough || (b.overdue || b.hurried) && w.size(b) >= w.overdue
}

// hasEnded reports whether the context of request id has ended.
func (w *world) hasEnded(id int) bool {
	return w.asks[id].ended || slices.Contains(w.lapsed, id)
}

// drained reports whether all is answered and over.
func (w *world) drained() bool {
	return w.closed && w.pending() == 0 && w.busy() == 0
}

// reply is what the caller of request id got.
func (w *world) reply(id int) fate {
	if w.freed[id].kind != pending {
		return w.freed[id]
	}
	return w.answers[id]
}

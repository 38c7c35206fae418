package modeltest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gobatcher/batcher"
	"pgregory.net/rapid"
)

// Plan is one random test.
type Plan struct {
	Options batcher.Options
	Keyed   bool
	ByHand  *batcher.BatchOptions // instead of Options
	Launch  Launch                // what Options.Go is
	Ops     []Op
	End     Op   // Close or Shutdown
	Drop    bool // neither, if all is at rest at the end
}

// Launch is what Options.Go is.
type Launch uint8

// Kinds of Options.Go.
const (
	NoGo    Launch = iota // nil
	Spawn                 // a new goroutine, too
	Workers               // waits for a worker, of which there are enough for all slots
)

// Op is one operation of a plan. Not every kind uses every field.
type Op struct {
	Kind    OpKind
	Req     Request
	Context ContextKind
	Watch   Watch
	Span    time.Duration
	Pick    int
	Rush    bool // the next operation does not wait until nothing moves
}

func (p Plan) rules() rules {
	if p.ByHand != nil {
		return handRules(*p.ByHand)
	}
	return rulesOf(p.Options)
}

func (p Plan) String() string {
	if p.ByHand != nil {
		return trim("Batch by hand", *p.ByHand, p.Launch)
	}
	if p.Keyed {
		return trim("Keyed", p.Options, p.Launch)
	}
	return trim("Batcher", p.Options, p.Launch)
}

// trim prints options without those that are zero.
func trim(what string, options any, launch Launch) string {
	fields := strings.Fields(strings.Trim(fmt.Sprintf("%+v", options), "{}"))
	set := []string{what}
	for _, f := range fields {
		if !strings.HasSuffix(f, ":0") && !strings.HasSuffix(f, ":0s") && !strings.HasSuffix(f, ":false") && !strings.HasSuffix(f, ":<nil>") {
			set = append(set, f)
		}
	}
	switch launch {
	case Spawn:
		set = append(set, "Go")
	case Workers:
		set = append(set, "Go with workers")
	}
	return strings.Join(set, " ")
}

// GoString is what rapid prints; what is done with an Op is told by the driver.
func (o Op) GoString() string { return o.Kind.String() }

// context says with what context a request is submitted.
func (o Op) context() string {
	switch o.Context {
	case Shared0, Shared1:
		return fmt.Sprintf("shared context %d", o.Context-Shared0)
	case Timeout:
		return fmt.Sprintf("timeout %v", o.Span)
	case Ended:
		return "ended context"
	}
	return "no end"
}

// spans are few, so that instants often coincide.
var spans = []time.Duration{0, time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 30 * time.Millisecond}

// weighted repeats each of kinds, to draw it that often.
func weighted(counts map[OpKind]int) (kinds []OpKind) {
	for k := OpSubmit; k <= OpShutdown; k++ {
		for range counts[k] {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

var (
	batcherKinds = weighted(map[OpKind]int{OpSubmit: 8, OpTrySubmit: 4, OpDo: 6, OpSleep: 8, OpCancel: 4, OpEndContext: 2, OpWait: 1, OpFlush: 2,
		OpCurrent: 3, OpAdd: 2, OpStart: 1, OpStartAfter: 1, OpCancelBatch: 1, OpResults: 1, OpClose: 1, OpShutdown: 1})
	keyedKinds = weighted(map[OpKind]int{OpSubmit: 10, OpTrySubmit: 4, OpDo: 6, OpSleep: 6, OpCancel: 4, OpEndContext: 1, OpWait: 1, OpFlush: 2, OpClose: 1, OpShutdown: 1})
	handKinds  = weighted(map[OpKind]int{OpAdd: 10, OpSleep: 3, OpCancel: 3, OpEndContext: 2, OpWait: 1, OpStart: 2, OpStartAfter: 2, OpCancelBatch: 1, OpResults: 2})
)

func drawOp(kinds []OpKind) *rapid.Generator[Op] {
	return rapid.Custom(func(t *rapid.T) Op {
		op := Op{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Pick: rapid.IntRange(0, 9).Draw(t, "pick")}
		op.Span = rapid.SampledFrom(spans).Draw(t, "span")
		op.Rush = rapid.IntRange(0, 4).Draw(t, "rush") == 4
		op.Context = rapid.SampledFrom([]ContextKind{Background, Background, Shared0, Shared1, Timeout, Timeout, Ended}).Draw(t, "context")
		op.Watch = Watch(rapid.IntRange(0, int(WatchLate)).Draw(t, "watch"))
		op.Req = drawRequest(t)
		return op
	})
}

func drawRequest(t *rapid.T) Request {
	return Request{
		Key:    rapid.IntRange(0, keys-1).Draw(t, "key"),
		Weighs: rapid.SampledFrom([]int{1, 1, 1, 0, 2, 3, 5, -1}).Draw(t, "weight"),
		Act:    rapid.SampledFrom(acts).Draw(t, "act"),
		Run:    rapid.SampledFrom(spans).Draw(t, "run"),
		Fails:  rapid.Bool().Draw(t, "fails"),
	}
}

// acts has what goes on for long more often.
var acts = append([]Act{Succeed, Succeed, Succeed, Heed, Hang}, func() (all []Act) {
	for a := Succeed; a <= HangEach; a++ {
		all = append(all, a)
	}
	return all
}()...)

func drawOptions(t *rapid.T) batcher.Options {
	o := batcher.Options{
		MaxSize:       rapid.SampledFrom([]int{0, 1, 2, 3, 5}).Draw(t, "MaxSize"),
		MinSize:       rapid.IntRange(0, 4).Draw(t, "MinSize"),
		StrictSize:    rapid.Bool().Draw(t, "StrictSize"),
		MaxWeight:     rapid.SampledFrom([]int{0, 0, 4, 7}).Draw(t, "MaxWeight"),
		Delay:         rapid.SampledFrom([]time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond}).Draw(t, "Delay"),
		Manual:        rapid.IntRange(0, 5).Draw(t, "Manual") == 5,
		MaxConcurrent: rapid.SampledFrom([]int{0, 1, 2, 3, -1}).Draw(t, "MaxConcurrent"),
		MaxPending:    rapid.SampledFrom([]int{0, 0, 1, 2, 4, 8}).Draw(t, "MaxPending"),
	}
	if o.MaxSize > 0 {
		o.MinSize = min(o.MinSize, o.MaxSize)
	}
	if o.Manual {
		o.Delay = 0
	}
	if o.Validate() != nil {
		o.MaxPending = 0 // too few for a strict MinSize
	}
	return o
}

func drawBatchOptions(t *rapid.T) *batcher.BatchOptions {
	o := drawOptions(t)
	return &batcher.BatchOptions{MaxSize: o.MaxSize, MinSize: o.MinSize, StrictSize: o.StrictSize, MaxWeight: o.MaxWeight,
		Delay: o.Delay, StartWhenFull: rapid.Bool().Draw(t, "StartWhenFull")}
}

func drawPlan(t *rapid.T, kinds []OpKind) Plan {
	end := Op{Kind: rapid.SampledFrom([]OpKind{OpClose, OpShutdown}).Draw(t, "end"), Span: rapid.SampledFrom(spans).Draw(t, "end within")}
	chapter := rapid.SliceOfN(drawOp(kinds), 0, 12) // in chapters, since rapid prefers short slices
	return Plan{
		Launch: rapid.SampledFrom([]Launch{NoGo, NoGo, NoGo, Spawn, Workers}).Draw(t, "Go"),
		Ops:    slices.Concat(rapid.SliceOfN(chapter, 1, 12).Draw(t, "ops")...),
		End:    end,
		Drop:   rapid.Bool().Draw(t, "drop"),
	}
}

package modeltest

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/gobatcher/batcher"
	"pgregory.net/rapid"
)

func TestBatcher(t *testing.T) {
	var s sample
	defer s.check(t)
	rapid.Check(t, func(r *rapid.T) {
		p := drawPlan(r, batcherKinds)
		p.Options = drawOptions(r)
		s.try(t, r, p)
	})
}

func TestKeyed(t *testing.T) {
	var s sample
	defer s.check(t)
	rapid.Check(t, func(r *rapid.T) {
		p := drawPlan(r, keyedKinds)
		p.Options, p.Keyed = drawOptions(r), true
		s.try(t, r, p)
	})
}

func TestBatch(t *testing.T) {
	var s sample
	defer s.check(t)
	rapid.Check(t, func(r *rapid.T) {
		p := drawPlan(r, handKinds)
		p.ByHand = drawBatchOptions(r)
		s.try(t, r, p)
	})
}

// A plan that the model cannot follow to its end is ended by Shutdown: whatever
// it has come to, everybody gets an answer.
func TestPlanWithTooManyWorlds(t *testing.T) {
	p := Plan{Options: batcher.Options{MaxSize: 1, MaxConcurrent: -1}}
	for range 16 {
		p.Ops = append(p.Ops, Op{Kind: OpSubmit, Context: Shared0, Req: Request{Act: Hang}})
	}
	p.Ops = append(p.Ops, Op{Kind: OpDo, Req: Request{Act: Hang}})
	p.Ops = append(p.Ops, Op{Kind: OpEndContext}) // they leave in any order
	d, fault := bubble(t, p)
	if fault != "" || !d.lost {
		t.Errorf("fault %q, lost: %v; want no fault, and the plan given up\n%s", fault, d.lost, d.trace.String())
	}
}

// sample counts the plans of a test.
type sample struct{ plans, lost int }

// try runs a plan in a bubble of its own. That no goroutine is left in it,
// and that nobody waits for ever, is what synctest sees to.
func (s *sample) try(t *testing.T, r *rapid.T, p Plan) {
	d, fault := bubble(t, p)
	if fault != "" {
		r.Logf("what happened:\n%s", d.trace.String())
		r.Fatal(fault)
	}
	s.plans++
	if d.lost {
		s.lost++
	}
}

// check reports if too many plans were not followed to their end.
func (s *sample) check(t *testing.T) {
	if s.lost > s.plans/50 {
		t.Errorf("the model could not follow %d of %d plans", s.lost, s.plans)
	}
}

func bubble(t *testing.T, p Plan) (d *driver, fault string) {
	defer func() {
		if v := recover(); v != nil && d.fault == "" {
			fault = fmt.Sprint(v)
		}
	}()
	synctest.Test(t, func(*testing.T) {
		d = newDriver(p)
		fault = d.run(p)
	})
	return d, fault
}

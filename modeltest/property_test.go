package modeltest

import (
	"fmt"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

func TestBatcher(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := drawPlan(r, batcherKinds)
		p.Options = drawOptions(r)
		try(t, r, p)
	})
}

func TestKeyed(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := drawPlan(r, keyedKinds)
		p.Options, p.Keyed = drawOptions(r), true
		try(t, r, p)
	})
}

func TestBatch(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := drawPlan(r, handKinds)
		p.ByHand = drawBatchOptions(r)
		try(t, r, p)
	})
}

// try runs a plan in a bubble of its own. That no goroutine is left in it,
// and that nobody waits for ever, is what synctest sees to.
func try(t *testing.T, r *rapid.T, p Plan) {
	fault, trace := bubble(t, p)
	if fault != "" {
		r.Logf("what happened:\n%s", trace)
		r.Fatal(fault)
	}
}

func bubble(t *testing.T, p Plan) (fault, trace string) {
	var d *driver
	defer func() {
		if v := recover(); v != nil && d.fault == "" {
			fault, trace = fmt.Sprint(v), d.trace.String()
		}
	}()
	synctest.Test(t, func(*testing.T) {
		d = newDriver(p)
		fault = d.run(p)
		trace = d.trace.String()
	})
	return fault, trace
}

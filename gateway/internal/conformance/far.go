package conformance

import (
	"testing"

	"github.com/gobatcher/batcher/gateway"
)

// RunFar runs the part of the suite that does not depend on batches being shared,
// with a Dispatcher that lets a Process answer them.
func RunFar(t *testing.T, f Fixture, dispatcher func(gateway.Process) gateway.Dispatcher) {
	change := f.Options
	f.Options = func(r *gateway.Route) {
		if change != nil {
			change(r)
		}
		process, err := r.Process(gateway.Observer{})
		if err != nil {
			t.Fatal(err)
		}
		r.Dispatcher = dispatcher(process)
	}
	alone(t, f)
	callsOfAllSizes(t, f)
	miscounted(t, f)
	refused(t, f)
}

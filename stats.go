package batcher

// Stats counts what a Batcher or a Keyed has done since New. The counters are
// taken together, at one instant:
//
//	Submitted = Succeeded + Failed + Canceled + Pending
type Stats struct {
	Submitted uint64 // requests accepted
	Rejected  uint64 // requests refused, for whatever reason
	Succeeded uint64 // requests answered with a result
	Failed    uint64 // requests answered with an error
	Canceled  uint64 // requests withdrawn before their batch ran
	Batches   uint64 // batches that ran, those still running included
	Pending   int    // requests accepted and not yet answered
	Running   int    // batches in Func

	// SizeLimit is how many requests a full batch holds now: MaxSize (zero: no
	// limit), or what TargetTime has lowered it to. LimitMoved says in words
	// why it last moved; "" means that it never has.
	SizeLimit  int
	LimitMoved string

	started [triggers]uint64
}

// Started returns how many batches ran that t started. The sum over all
// Triggers is Batches. For an unknown Trigger it is zero.
func (s Stats) Started(t Trigger) uint64 {
	if int(t) >= len(s.started) {
		return 0
	}
	return s.started[t]
}

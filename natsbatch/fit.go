package natsbatch

import (
	"errors"
	"fmt"

	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
)

// isTooLarge reports whether err says that a message is larger than the server takes.
// Messages are measured before they are sent, but the server may be another by now.
func isTooLarge(err error) bool { return errors.Is(err, nats.ErrMaxPayload) }

// noRoom reports whether err says that the server does not take a message which
// another time, or another worker's server, may well take.
func noRoom(err error) bool { return isFull(err) || isTooLarge(err) }

// apart returns the reports in data as a message for each outcome, of which one that
// has more than limit bytes even so is replaced as in fit.
func apart(data []byte, limit int) (each [][]byte) {
	reports, _ := wire.DecodeReports(data) // they were written here
	for _, r := range reports {
		for _, o := range r.Outcomes {
			each = append(each, fit(wire.AppendReports(nil, wire.Report{Number: r.Number, Outcomes: []wire.Outcome{o}}), limit))
		}
	}
	return each
}

// fit returns the reports in data with the largest results replaced by the outcome that
// they are too large, as many as it takes to have at most limit bytes.
func fit(data []byte, limit int) []byte {
	reports, err := wire.DecodeReports(data)
	if err != nil {
		return data // they were written here
	}
	for size := len(data); size > limit; {
		var largest *wire.Outcome
		for i := range reports {
			for j := range reports[i].Outcomes {
				if o := &reports[i].Outcomes[j]; o.Status != wire.StatusTooLarge && (largest == nil || len(o.Data) > len(largest.Data)) {
					largest = o
				}
			}
		}
		if largest == nil {
			break
		}
		size -= len(largest.Data)
		largest.Status, largest.Data = wire.StatusTooLarge, fmt.Appendf(nil, "the result has %d bytes, and the server has come to let less pass", len(largest.Data))
		size += len(largest.Data)
	}
	return wire.AppendReports(nil, reports...)
}

package serve

import (
	"errors"
	"testing"
	"time"
)

// The log says at once when the queues become worse or better, and once a minute that
// they are bad.
func TestHealthIsLoggedWhenItChanges(t *testing.T) {
	const worse, better, nothing = "worse", "better", ""
	sick := errors.New("sick")
	var h health
	start := time.Now()
	for i, at := range []struct {
		after time.Duration
		err   error
		want  string
	}{
		{0, nil, nothing},
		{1 * time.Second, sick, worse},
		{2 * time.Second, sick, nothing},
		{60 * time.Second, sick, nothing},
		{61 * time.Second, sick, worse},
		{62 * time.Second, nil, better},
		{63 * time.Second, nil, nothing},
		{64 * time.Second, sick, worse},
	} {
		got := nothing
		if isWorse, isBetter := h.changed(at.err, start.Add(at.after)); isWorse {
			got = worse
		} else if isBetter {
			got = better
		}
		if got != at.want {
			t.Errorf("%d: after %v with %v: %q, want %q", i, at.after, at.err, got, at.want)
		}
	}
}

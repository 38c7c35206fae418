package natsbatch_test

import (
	"slices"
	"testing"

	"github.com/gobatcher/batcher/natsbatch"
)

// A result may come while a front end is away and its Submit has yet to hear
// that the request is accepted: nobody waits for it then, and who does later
// would wait for an event that has passed.
func TestResultsThatCameDuringAnAbsenceAreAskedFor(t *testing.T) {
	if asked, asks := natsbatch.Reconnect(false); !slices.Equal(asked, []uint64{1}) || !asks {
		t.Errorf("the front end asks for %d, who waits later asks: %v; want for the first envelope, and true", asked, asks)
	}
	if _, asks := natsbatch.Reconnect(true); asks {
		t.Error("a result that is known is asked for")
	}
}

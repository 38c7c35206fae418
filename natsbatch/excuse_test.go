package natsbatch_test

import (
	"testing"

	"github.com/gobatcher/batcher/natsbatch"
)

// What is left of a delivery is looked for until the server says it all. Each excuse counts
// once nevertheless.
func TestADeliveryIsExcusedOnce(t *testing.T) {
	for times := 1; times <= 3; times++ {
		if tries, suspect := natsbatch.Pardon(times); tries != 2 || suspect != 2 {
			t.Errorf("after %d looks: %d tries, suspected %d times; want 2 and 2", times, tries, suspect)
		}
	}
}

package durable

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A complaint that comes all the time is told once a minute, with how often it was not, and
// of many different ones only some are.
func TestComplaintsAreToldOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		c := complaints{tell: func(_ slog.Level, _, text string) { told = append(told, text) }}
		for range 4 * 60 { // 60 s
			c.add("a")
			time.Sleep(time.Second / 4)
		}
		c.add("a")
		c.add("b")
		want := []string{"a", "a; 239 more before this one were not logged", "b"}
		if !slices.Equal(told, want) {
			t.Errorf("it tells %q, want %q", told, want)
		}
		told = nil
		time.Sleep(time.Minute)
		for i := range 1000 {
			c.add(fmt.Sprint(i))
		}
		time.Sleep(time.Minute)
		c.add("a")
		if last := told[len(told)-1]; len(told) != mostComplaints+1 || last != "a; 950 more before this one were not logged" {
			t.Errorf("of 1000 it tells %d, and then %q", len(told)-1, last)
		}
	})
}

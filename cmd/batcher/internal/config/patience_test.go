package config_test

import (
	"math"
	"testing"
	"time"
)

// A request may take as long as the timeout that holds, which is the default
// where zero is set.
func TestPatience(t *testing.T) {
	for timeout, want := range map[string]time.Duration{
		"0s":                     31 * time.Second,
		"1m":                     61 * time.Second,
		"1ms":                    2 * time.Second, // the grace period
		"-1s":                    math.MaxInt64,
		"2562047h47m16s":         math.MaxInt64,
		"2562047h47m15.8547758s": 2562047*time.Hour + 47*time.Minute + 16854775800,
	} {
		c, err := load(t, oneRouteWith("timeout: "+timeout)+"grace: 2s\n", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Patience(); got != want {
			t.Errorf("timeout %s: %v, want %v", timeout, got, want)
		}
	}
}

// oneRouteWith is a file with one route, of which this is set too.
func oneRouteWith(text string) string {
	return "upstream: http://up:80\nroutes: [{protocol: kserve-v1, " + text + "}]\n"
}

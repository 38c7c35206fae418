package serve

import "testing"

func TestTheEnvironmentSaysHowOftenToCollect(t *testing.T) {
	for _, c := range []struct {
		gogc, limit string
		want        int
	}{
		{"", "", headroom},
		{"100", "", 0},
		{"", "64MiB", 0},
	} {
		t.Setenv("GOGC", c.gogc)
		t.Setenv("GOMEMLIMIT", c.limit)
		if got := len(reserve()); got != c.want {
			t.Errorf("%+v: %d bytes are held in reserve", c, got)
		}
	}
}

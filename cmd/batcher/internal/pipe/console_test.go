package pipe_test

import (
	"io"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/cmd/batcher/internal/pipe"
)

func TestProgressLineStaysBelow(t *testing.T) {
	var screen strings.Builder
	c := pipe.NewTerminal(&screen, 11)
	out := c.Above(&screen)
	step := func(want string, do func()) {
		t.Helper()
		screen.Reset()
		if do(); screen.String() != want {
			t.Errorf("wrote %q, want %q", screen.String(), want)
		}
	}
	step("\rlines 1\x1b[K", func() { c.Show("lines 1") })
	step("", func() { c.Show("lines 1") }) // as it was
	step("\rlines 2\x1b[K", func() { c.Show("lines 2") })
	step("\r\x1b[Koops\n", func() { io.WriteString(c, "oops\n") })
	step("\rlines 2\x1b[K", func() { c.Show("lines 2") })
	step("\r\x1b[Kresult", func() { io.WriteString(out, "result") })
	step("", func() { c.Show("lines 3") }) // not into another's line
	step("s\n", func() { io.WriteString(out, "s\n") })
	step("\rlines 4, c\x1b[K", func() { c.Show("lines 4, cut to the width") })
	step("\n", func() { c.Leave() })
	step("", func() { c.Leave() })
}

package demo_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/cmd/batcher/internal/demo"
)

// quick is a demo in a tenth of the time.
func quick(out io.Writer) demo.Config {
	return demo.Config{Cost: demo.Cost{Call: time.Millisecond}, Callers: 4, Seconds: 3, MaxItems: 64, Listen: "127.0.0.1:0", Out: out, Tick: 100 * time.Millisecond}
}

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := demo.Run(t.Context(), quick(&out)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a call costs 1ms and 0s more for each item", "4 callers on each side", "without the gateway", "\n     3 | ", "0 of "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestAddressTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var out strings.Builder
	cfg := quick(&out)
	cfg.Listen = taken.Addr().String()
	if err := demo.Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), cfg.Listen) {
		t.Errorf("got %v", err)
	}
	if out.Len() > 0 {
		t.Errorf("it said %q", out.String())
	}
}

// unread takes what a demo says before its first row, and then no more.
type unread struct{ strings.Builder }

func (u *unread) Write(p []byte) (int, error) {
	if strings.Contains(u.String(), "second") {
		return 0, io.ErrClosedPipe
	}
	return u.Builder.Write(p)
}

// A demo of which nobody reads more ends with the next row.
func TestRunUnread(t *testing.T) {
	cfg := quick(&unread{})
	cfg.Seconds = 1 << 30
	if err := demo.Run(t.Context(), cfg); err != nil {
		t.Error(err)
	}
}

//go:build linux

package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// That a process has ended is noticed at once, though a process that it has
// started holds its output: also one that has left its group. What it has
// said before counts.
func TestProgramEndsThoughItsChildrenGoOn(t *testing.T) {
	for script, want := range map[string]string{
		"sleep 1000 & read l; exit 3":                         "exit status 3",
		"setsid sleep 10 & read l; exit 3":                    "exit status 3",
		"sleep 1000 & read l; echo '[1]'; exit 3":             "[1]",
		"sleep 1000 & read l; kill -9 $$":                     "signal: killed",
		"exec 3>&1; (exec sleep 1000 >&3) & read l; echo '['": "other than a JSON array",
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			p, err := gateway.NewProgram([]string{"sh", "-c", script}, gateway.ProgramOptions{Timeout: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			start := time.Now()
			line, err := ask(t, p, "[1]")
			if said := fmt.Sprint(line, err); !strings.Contains(said, want) {
				t.Errorf("got %s, want %s", said, want)
			}
			if took := time.Since(start); took > 8*time.Second {
				t.Errorf("after %v", took)
			}
		})
	}
}

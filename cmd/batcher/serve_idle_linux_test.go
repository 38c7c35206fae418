package main_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// cpu is the processor time that g has used, in ticks of 10 ms.
func (g *gate) cpu() int {
	g.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", g.cmd.Process.Pid))
	if err != nil {
		g.t.Fatal(err)
	}
	fields := strings.Fields(string(text)[strings.LastIndexByte(string(text), ')')+1:])
	user, err1 := strconv.Atoi(fields[11]) // proc(5): fields 14 and 15
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		g.t.Fatal(err1, err2)
	}
	return user + system
}

// After work, with connections open and files watched, nothing turns.
func TestServeIdleNeedsNoCPU(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--config", file(t, "batcher.yaml", configuration(u.URL, 10)))
	for n := range 100 {
		g.predict(n).want(t, n)
	}
	until(t, "the processor time stands still", func() bool {
		before := g.cpu()
		time.Sleep(time.Second)
		return g.cpu() == before
	})
}

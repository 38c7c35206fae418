package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// bench is one run of everything.
type bench struct {
	ctx     context.Context
	last    time.Duration // how long a load lasts
	callers int
	waiting int
	dir     string
	gateway string // the built program
}

// goal is a figure and its limit.
type goal struct {
	what string
	got  float64
	most bool // the limit is a maximum, not a minimum
	want float64
	unit string
}

func (g goal) met() bool {
	if g.most {
		return g.got <= g.want
	}
	return g.got >= g.want
}

func newBench(ctx context.Context, last time.Duration, callers, waiting int) (*bench, error) {
	dir, err := os.MkdirTemp("", "gate")
	if err != nil {
		return nil, err
	}
	b := &bench{ctx: ctx, last: last, callers: callers, waiting: waiting, dir: dir, gateway: filepath.Join(dir, "batcher")}
	build := exec.CommandContext(ctx, "go", "build", "-o", b.gateway, "github.com/gobatcher/batcher/cmd/batcher")
	if said, err := build.CombinedOutput(); err != nil {
		b.close()
		return nil, fmt.Errorf("go build: %w\n%s", err, said)
	}
	return b, nil
}

func (b *bench) close() { _ = os.RemoveAll(b.dir) }

// run measures, prints each goal as it is known, and fails if one was missed.
func (b *bench) run(out io.Writer) error {
	fmt.Fprintln(out, "throughput and p99 are those with", strings.Join(settings(b.callers), " "))
	var missed []error
	for _, measure := range []func() ([]goal, error){b.overhead, b.gain, b.memory} {
		goals, err := measure()
		if err != nil {
			return err
		}
		for _, g := range goals {
			word, limit := "met", "at least"
			if g.most {
				limit = "at most"
			}
			if !g.met() {
				word = "MISSED"
				missed = append(missed, fmt.Errorf("%s: %.1f %s, want %s %g", g.what, g.got, g.unit, limit, g.want))
			}
			fmt.Fprintf(out, "%-6s %-62s %10.1f %s, %s %g\n", word, g.what, g.got, g.unit, limit, g.want)
		}
	}
	return errors.Join(missed...)
}

// warm is how long a load runs before it counts: by then connections are open, and what a program does only once is done.
const warm = time.Second

// overhead measures what the gateway adds to a request, with an upstream that costs next to nothing.
func (b *bench) overhead() ([]goal, error) {
	up, err := b.start(b.self("stub"))
	if err != nil {
		return nil, err
	}
	defer up.stop()
	gate, err := b.startGateway(up.address, "--max-items=256", "--max-concurrent=2")
	if err != nil {
		return nil, err
	}
	defer gate.stop()
	if _, err := b.load(gate.address, 0, warm); err != nil {
		return nil, err
	}
	before, err := gate.cpu()
	if err != nil {
		return nil, err
	}
	l, err := b.load(gate.address, 0, b.last)
	if err != nil {
		return nil, err
	}
	after, err := gate.cpu()
	if err != nil {
		return nil, err
	}
	cost := (after - before).Seconds() / float64(l.Requests) * 1e6
	return []goal{{fmt.Sprintf("CPU of the gateway, %d connections, %.0f requests/s", b.callers, l.rate()), cost, true, 60, "µs per request"}}, nil
}

// costs are those of an upstream that is worth a gateway.
var costs = []string{"-call=5ms", "-item=100us"}

// settings are those of the gateway in front of that upstream: a batch holds half of the callers, and while the upstream processes it the
// others form the next, within the time that a full batch takes. That one waits at the upstream, which is then never without work.
func settings(callers int) []string {
	return []string{fmt.Sprint("--max-items=", max(1, callers/2)), "--max-concurrent=2", "--delay=20ms"}
}

// gain measures what the gateway gains where a call costs much and an item little.
func (b *bench) gain() ([]goal, error) {
	up, err := b.start(b.self("stub", costs...))
	if err != nil {
		return nil, err
	}
	defer up.stop()
	without, err := b.load(up.address, warm, b.last)
	if err != nil {
		return nil, err
	}
	gate, err := b.startGateway(up.address, settings(b.callers)...)
	if err != nil {
		return nil, err
	}
	defer gate.stop()
	with, err := b.load(gate.address, warm, b.last)
	if err != nil {
		return nil, err
	}
	return []goal{
		{fmt.Sprintf("throughput, %.0f instead of %.0f requests/s", with.rate(), without.rate()), with.rate() / without.rate(), false, 30, "times"},
		{fmt.Sprintf("p99 of the same, p50 is %.1f ms; without the gateway %.0f ms", with.P50, without.P99), with.P99, true, 40, "ms"},
	}, nil
}

// memory measures what waiting requests take. Most of it is net/http's share, so that is measured too.
func (b *bench) memory() (goals []goal, err error) {
	for _, way := range []struct{ name, flag string }{{"HTTP/1.1", "-http2=false"}, {"HTTP/2", "-http2"}} {
		ours, err := b.gatewayMemory(way.flag)
		if err != nil {
			return nil, err
		}
		least, err := b.bareMemory(way.flag)
		if err != nil {
			return nil, err
		}
		what := fmt.Sprintf("memory of %d waiting requests, %s; bare net/http %.0f MB", b.waiting, way.name, least)
		goals = append(goals, goal{what, ours, true, 100 * float64(b.waiting) / 10_000, "MB"})
	}
	return goals, nil
}

func (b *bench) gatewayMemory(way string) (mb float64, err error) {
	up, err := b.start(b.self("stub", "-call=1h"))
	if err != nil {
		return 0, err
	}
	defer up.stop()
	gate, err := b.startGateway(up.address, "--timeout=1h")
	if err != nil {
		return 0, err
	}
	defer gate.stop()
	return b.waitAt(gate, way, b.pending)
}

func (b *bench) bareMemory(way string) (mb float64, err error) {
	bare, err := b.start(b.self("bare", fmt.Sprint("-requests=", b.waiting)))
	if err != nil {
		return 0, err
	}
	defer bare.stop()
	return b.waitAt(bare, way, func(p *process) error { return p.says("waiting") })
}

// waitAt returns by how much the memory of p, just started, grows when requests wait there.
func (b *bench) waitAt(p *process, way string, all func(*process) error) (mb float64, err error) {
	before, err := p.memory()
	if err != nil {
		return 0, err
	}
	waiting, err := b.start(b.self("wait", "-at="+p.address, fmt.Sprint("-requests=", b.waiting), way))
	if err != nil {
		return 0, err
	}
	defer waiting.stop()
	if err := all(p); err != nil {
		return 0, err
	}
	after, err := p.memory()
	return after - before, err
}

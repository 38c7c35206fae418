package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// bench is one run of everything.
type bench struct {
	ctx     context.Context
	last    time.Duration // of a load
	callers int
	waiting int
	dir     string
	gateway string // the built program
}

// goal is what is to be reached.
type goal struct {
	what string
	got  float64
	most bool // the limit is the most, else the least
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

// overhead is what the gateway costs a request: its upstream costs next to nothing.
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
	if _, err := b.load(gate.address, time.Second); err != nil { // connections open, the program is warm
		return nil, err
	}
	before, err := gate.cpu()
	if err != nil {
		return nil, err
	}
	l, err := b.load(gate.address, b.last)
	if err != nil {
		return nil, err
	}
	after, err := gate.cpu()
	if err != nil {
		return nil, err
	}
	cost := (after - before).Seconds() / float64(l.Requests) * 1e6
	return []goal{{fmt.Sprintf("CPU of the gateway, %d connections, %.0f requests/s", b.callers, l.rate()), cost, true, 60, "µs a request"}}, nil
}

// costs of the upstream that is worth a gateway.
var costs = []string{"-call=5ms", "-item=100us"}

// gain is what the gateway gains where a call costs much and an item little.
func (b *bench) gain() ([]goal, error) {
	up, err := b.start(b.self("stub", costs...))
	if err != nil {
		return nil, err
	}
	defer up.stop()
	without, err := b.load(up.address, b.last)
	if err != nil {
		return nil, err
	}
	// Half of the callers in a batch: while it is asked for, the others make up the next one.
	gate, err := b.startGateway(up.address, fmt.Sprint("--max-items=", max(1, b.callers/2)))
	if err != nil {
		return nil, err
	}
	defer gate.stop()
	with, err := b.load(gate.address, b.last)
	if err != nil {
		return nil, err
	}
	return []goal{
		{fmt.Sprintf("throughput, %.0f instead of %.0f requests/s", with.rate(), without.rate()), with.rate() / without.rate(), false, 30, "times"},
		{fmt.Sprintf("p99 of the same, p50 is %.1f ms; without the gateway %.0f ms", with.P50, without.P99), with.P99, true, 40, "ms"},
	}, nil
}

// memory is what requests cost that wait, each on a connection of its own. Most of it is what net/http takes, so that is measured too.
func (b *bench) memory() ([]goal, error) {
	up, err := b.start(b.self("stub", "-call=1h"))
	if err != nil {
		return nil, err
	}
	defer up.stop()
	gate, err := b.startGateway(up.address, "--timeout=1h")
	if err != nil {
		return nil, err
	}
	defer gate.stop()
	ours, err := b.waitAt(gate, b.pending)
	if err != nil {
		return nil, err
	}
	bare, err := b.start(b.self("bare", fmt.Sprint("-requests=", b.waiting)))
	if err != nil {
		return nil, err
	}
	defer bare.stop()
	least, err := b.waitAt(bare, func(p *process) error { return p.says("waiting") })
	if err != nil {
		return nil, err
	}
	return []goal{{fmt.Sprintf("memory of %d waiting requests of 1 KB; bare net/http %.0f MB", b.waiting, least), ours, true, 100 * float64(b.waiting) / 10_000, "MB"}}, nil
}

// waitAt gives by how much the memory of p, just started, grows when requests wait there.
func (b *bench) waitAt(p *process, all func(*process) error) (mb float64, err error) {
	before, err := p.memory()
	if err != nil {
		return 0, err
	}
	waiting, err := b.start(b.self("wait", "-at="+p.address, fmt.Sprint("-requests=", b.waiting)))
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

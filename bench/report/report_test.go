package report_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/bench/report"
	"github.com/gobatcher/batcher/bench/subject"
	"github.com/gobatcher/batcher/bench/workload"
)

// full is a set in which every cell has three rounds; what every cell measured is set by measure.
func full(measure func(*workload.Result)) report.Set {
	set := make(report.Set)
	for _, cell := range workload.Cells(workload.Full) {
		for round := range 3 {
			r := workload.Result{
				Cell: cell, Requests: 1000, Ns: 100 + float64(round), P50: 2.1e6, P99: 3e6,
				MeanBatch: 64, Allocs: 0.1, Bytes: 40, Live: 300, Distance: 100 + float64(round),
			}
			measure(&r)
			set.Add(r)
		}
	}
	return set
}

// better lets the Batcher be four times as fast as all others.
func better(r *workload.Result) {
	if s, ok := subject.ByName(r.Cell.Subject); !ok || s.Kind == subject.Ours {
		r.Ns, r.P50, r.P99 = r.Ns/4, r.P50/4, r.P99/4
	}
}

func TestGoalsAreMetByWhoIsBetter(t *testing.T) {
	goals := full(better).Goals()
	if len(goals) < 20 {
		t.Errorf("%d goals, want all", len(goals))
	}
	for _, g := range goals {
		if !g.Met() {
			t.Errorf("%s, %s: %v is over %v", g.Cell, g.What, g.Measured, g.Limit)
		}
	}
}

func TestGoalsAreMissedByWhoIsWorse(t *testing.T) {
	worse := full(func(r *workload.Result) {
		if s, ok := subject.ByName(r.Cell.Subject); !ok || s.Kind == subject.Ours {
			r.Ns, r.P50, r.P99 = 100*r.Ns, 4*r.P50, 4*r.P99
			r.Allocs, r.Bytes, r.Live, r.Left = 1, 100, 1000, 10
		}
		if r.Cell.Size == 1_000_000 || r.Cell.Subject == "keyed-one-key" {
			r.Ns *= 2
		}
	})
	for _, g := range worse.Goals() {
		if g.Met() {
			t.Errorf("%s, %s: %v is within %v", g.Cell, g.What, g.Measured, g.Limit)
		}
	}
}

func TestRatioIsThatOfMedians(t *testing.T) {
	set := make(report.Set)
	for round, ours := range []float64{10, 30, 20} {
		set.Add(workload.Result{Cell: workload.Cell{Workload: workload.Do, Size: 1024, Subject: "batcher-idle"}, Ns: ours})
		set.Add(workload.Result{Cell: workload.Cell{Workload: workload.Do, Size: 1024, Subject: "floor-mutex"}, Ns: []float64{10, 10, 40}[round]})
	}
	goals := set.Goals()
	if len(goals) != 1 || goals[0].Measured != 2 || goals[0].Spread != "0.50 to 3.00" || goals[0].Met() {
		t.Errorf("got %+v, want one missed goal of 20 against 10", goals)
	}
}

func TestGuardTakesTheBestRoundsAndTheFloorsOnly(t *testing.T) {
	set := full(func(r *workload.Result) {
		if s, _ := subject.ByName(r.Cell.Subject); s.Kind == subject.Ours && r.Ns > 100 {
			r.Ns *= 50 // all rounds but the first were disturbed
		}
	})
	limits := set.Guard(workload.Result{Allocs: 0.2, Bytes: 48})
	for _, g := range limits {
		if !g.Met() {
			t.Errorf("%s, %s: %v is over %v", g.Cell, g.What, g.Measured, g.Limit)
		}
		if strings.Contains(g.What, "peer") {
			t.Errorf("%s, %s: a peer is guarded", g.Cell, g.What)
		}
	}
	for _, over := range []workload.Result{{Allocs: 0.21, Bytes: 48}, {Allocs: 0.2, Bytes: 49}} {
		missed := 0
		for _, g := range set.Guard(over) {
			if !g.Met() {
				missed++
			}
		}
		if missed != 1 {
			t.Errorf("%+v misses %d limits, want 1", over, missed)
		}
	}
}

func TestInstructionsAreALimitToo(t *testing.T) {
	if g := report.Instructions(workload.Burst, 250, 200); !g.Met() {
		t.Errorf("%v is over %v", g.Measured, g.Limit)
	}
	if g := report.Instructions(workload.Do, 900, 200); g.Met() {
		t.Errorf("%v is within %v", g.Measured, g.Limit)
	}
}

func TestPrintedTablesNameEverySubject(t *testing.T) {
	var text strings.Builder
	if err := report.Print(&text, full(better)); err != nil {
		t.Fatal(err)
	}
	for _, s := range subject.All() {
		if !strings.Contains(text.String(), s.Name) {
			t.Errorf("%s is missing", s.Name)
		}
	}
	for _, want := range []string{"±1 %", "2.10 ms", "met", "1,000,000 requests pending"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
}

// full disk: nothing can be written.
type fullDisk struct{ room int }

var errFull = errors.New("disk full")

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.room -= len(p); d.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestPrintReportsWhatItCannotWrite(t *testing.T) {
	set := full(better)
	for _, room := range []int{0, 100, 2000} {
		if err := report.Print(&fullDisk{room}, set); !errors.Is(err, errFull) {
			t.Errorf("room for %d bytes: got %v", room, err)
		}
	}
	if err := report.PrintGoals(&fullDisk{}, nil); err != nil {
		t.Errorf("no goals: got %v, want nothing written", err)
	}
}

func TestReportHoldsEverything(t *testing.T) {
	folder := t.TempDir()
	if err := report.Write(folder, full(better), time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(folder, "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"3 February 2026", "GOMAXPROCS", "floor-mutex", "## Goals", "performance/do-dark.svg", "3 rounds", "it is 8", "101 ns before the run in the middle; 100 to 102 before half of them"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("%q is missing", want)
		}
	}
	charts, err := filepath.Glob(filepath.Join(folder, "performance", "*.svg"))
	if err != nil || len(charts) != 6 {
		t.Fatalf("charts: %q, %v; want three for each of two themes", charts, err)
	}
	for _, path := range charts {
		checkChart(t, path)
	}
}

// checkChart fails unless the file is a drawing with a title that a viewer without the font can show.
func checkChart(t *testing.T, path string) {
	t.Helper()
	svg, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	decoder := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	for _, want := range []string{"<svg", "batcher-idle", "sans-serif"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("%s: %q is missing", path, want)
		}
	}
}

func TestReportWithoutChartsOrASingleSize(t *testing.T) {
	set := make(report.Set)
	set.Add(workload.Result{Cell: workload.Cell{Workload: workload.Burst, Size: 10, Subject: "lo"}, Ns: 5})
	if err := report.Write(t.TempDir(), set, time.Now()); err != nil {
		t.Errorf("nothing to draw: %v", err)
	}
	set.Add(workload.Result{Cell: workload.Cell{Workload: workload.Do, Size: 64, Subject: "lo"}, Ns: 5})
	if err := report.Write(t.TempDir(), set, time.Now()); err != nil {
		t.Errorf("one point to draw: %v", err)
	}
}

func TestReportSaysWhereItCannotWrite(t *testing.T) {
	set := full(better)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := report.Write(file, set, time.Now()); err == nil {
		t.Error("a report was written into a file")
	}
	taken := t.TempDir()
	if err := os.MkdirAll(filepath.Join(taken, "performance.md"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := report.Write(taken, set, time.Now()); err == nil {
		t.Error("a report was written over a folder")
	}
	crowded := t.TempDir()
	if err := os.MkdirAll(filepath.Join(crowded, "performance", "do-light.svg"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := report.Write(crowded, set, time.Now()); err == nil {
		t.Error("a chart was written over a folder")
	}
}

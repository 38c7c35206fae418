package workload_test

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/bench/subject"
	"github.com/gobatcher/batcher/bench/workload"
)

// tiny is enough to run a cell, not to measure it.
var tiny = workload.Budget{Time: 5 * time.Millisecond, MinRequests: 10, OpenTime: 20 * time.Millisecond, Burst: 1000}

func TestCellsMeasure(t *testing.T) {
	tests := []struct {
		cell     workload.Cell
		measured func(workload.Result) bool
	}{
		{workload.Cell{Workload: workload.Do, Size: 1, Subject: "floor-chan"}, timed},
		{workload.Cell{Workload: workload.Do, Size: 100, Subject: "batcher-idle"}, timed},
		{workload.Cell{Workload: workload.Do, Size: 10, Subject: "batcher-idle-cancel"}, timed},
		{workload.Cell{Workload: workload.Burst, Size: 1000, Subject: "floor-mutex"}, batched},
		{workload.Cell{Workload: workload.Burst, Size: 1000, Subject: "batcher-delay"}, batched},
		{workload.Cell{Workload: workload.Open, Size: 2000, Subject: "batcher-idle"}, slept},
		{workload.Cell{Workload: workload.Keys, Size: 1000, Subject: "batcher-keyed"}, returned},
		{workload.Cell{Workload: workload.Backlog, Size: 1000, Subject: "batcher-manual"}, batched},
		{workload.Cell{Workload: workload.Load, Size: 1000, Subject: "batcher-loader"}, batched},
		{workload.Cell{Workload: workload.Load, Size: 1000, Subject: "dataloader"}, batched},
		{workload.Cell{Workload: workload.Load, Size: 1000, Subject: "dataloadgen"}, batched},
	}
	for _, test := range tests {
		t.Run(test.cell.String(), func(t *testing.T) {
			result, err := test.cell.Run(tiny, 1)
			if err != nil {
				t.Fatal(err)
			}
			if result.Cell != test.cell || result.Requests == 0 || result.MeanBatch < 1 || !test.measured(result) {
				t.Errorf("got %+v", result)
			}
			if several := runtime.GOMAXPROCS(0) > 1; result.Distance > 0 != several {
				t.Errorf("cores are %v ns apart", result.Distance)
			}
		})
	}
}

func timed(r workload.Result) bool { return r.Ns > 0 && r.P50 > 0 && r.P99 >= r.P50 }

func slept(r workload.Result) bool { return r.P50 > float64(workload.FuncTime) && r.P99 >= r.P50 }

func returned(r workload.Result) bool {
	return r.Ns > 0 && r.First > 0 && r.Live > 0 && r.Left < r.Live
}

func batched(r workload.Result) bool {
	return r.Ns > 0 && r.MeanBatch > 1 && r.Allocs > 0 && r.Bytes > 0
}

func TestUnknownCellsFail(t *testing.T) {
	tests := []struct {
		cell workload.Cell
		want string
	}{
		{workload.Cell{Workload: workload.Do, Size: 1, Subject: "nobody"}, "do/1/nobody: no such subject"},
		{workload.Cell{Workload: workload.Load, Size: 1, Subject: "nobody"}, "load/1/nobody: no such subject"},
		{workload.Cell{Workload: "sing", Size: 1, Subject: "floor-chan"}, "sing/1/floor-chan: no such workload"},
	}
	for _, test := range tests {
		if _, err := test.cell.Run(tiny, 1); err == nil || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

func TestCellsAreDistinctAndOfKnownSubjects(t *testing.T) {
	cells := workload.Cells(workload.Full)
	seen := make(map[workload.Cell]bool)
	for _, cell := range cells {
		if seen[cell] {
			t.Errorf("%v stands twice", cell)
		}
		seen[cell] = true
	}
	for _, s := range subject.All() {
		if !slices.ContainsFunc(cells, func(c workload.Cell) bool { return c.Subject == s.Name }) {
			t.Errorf("no cell has %s", s.Name)
		}
	}
}

// liar answers with what answer says.
type liar struct{ answer func(req int) (int, error) }

func (l liar) Caller() func(int) (int, error) { return l.answer }

func (l liar) Burst(int) (func(int), func(int) (int, error)) { return func(int) {}, l.answer }

func (l liar) Stop() {}

func TestWrongAnswersAreFound(t *testing.T) {
	broken := errors.New("broken")
	answers := map[string]func(int) (int, error){
		"was answered with": func(req int) (int, error) { return req + 1, nil },
		broken.Error():      func(req int) (int, error) { return req, broken },
	}
	runs := map[string]func(subject.Subject) (workload.Result, error){
		"do":              func(s subject.Subject) (workload.Result, error) { return workload.RunDo(s, 4, tiny) },
		"do, in no time,": func(s subject.Subject) (workload.Result, error) { return workload.RunDo(s, 4, workload.Budget{}) },
		"burst":           func(s subject.Subject) (workload.Result, error) { return workload.RunBurst(s, 100, tiny) },
		"open":            func(s subject.Subject) (workload.Result, error) { return workload.RunOpen(s, 1000, tiny, 1) },
	}
	for want, answer := range answers {
		s := subject.Subject{Start: func(subject.Settings) subject.Service { return liar{answer} }}
		for name, run := range runs {
			t.Run(name+" "+want, func(t *testing.T) {
				if _, err := run(s); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want an error that says %q", err, want)
				}
			})
		}
	}
}

func TestArrivalsKeepTheRateAndTheSeed(t *testing.T) {
	const rate, seconds = 1000, 20
	planned := workload.Arrivals(rate, seconds*time.Second, 7)
	if n := len(planned); n < rate*seconds*95/100 || n > rate*seconds*105/100 {
		t.Errorf("%d arrivals in %d s, want about %d a second", n, seconds, rate)
	}
	if !slices.IsSorted(planned) || planned[len(planned)-1] >= seconds*time.Second {
		t.Error("arrivals out of order or too late")
	}
	if !slices.Equal(planned, workload.Arrivals(rate, seconds*time.Second, 7)) {
		t.Error("the same seed planned other arrivals")
	}
	if slices.Equal(planned, workload.Arrivals(rate, seconds*time.Second, 8)) {
		t.Error("another seed planned the same arrivals")
	}
}

func TestFixedDoesWhatItIsTold(t *testing.T) {
	for _, w := range []workload.Name{workload.Do, workload.Burst} {
		for _, name := range []string{"floor-mutex", "batcher-idle"} {
			if err := workload.Fixed(w, name, 6400); err != nil {
				t.Errorf("%s, %s: %v", w, name, err)
			}
		}
	}
	if err := workload.Fixed(workload.Do, "nobody", 64); err == nil {
		t.Error("a subject that does not exist did its work")
	}
	if err := workload.Fixed(workload.Open, "floor-mutex", 64); err == nil {
		t.Error("a workload that has no fixed form did its work")
	}
}

func TestFullBatchesAreFull(t *testing.T) {
	result, err := workload.FullBatches()
	if err != nil {
		t.Fatal(err)
	}
	if result.MeanBatch != workload.MaxSize || result.Allocs <= 0 || result.Bytes <= 0 {
		t.Errorf("got %+v", result)
	}
}

func TestTheFirstPassDoesNotCount(t *testing.T) {
	took := []float64{9000, 100, 300, 200}
	next := 0
	result, err := workload.Repeat(600, func() (workload.Result, error) {
		next++
		return workload.Result{Requests: 1, Ns: took[next-1]}, nil
	})
	if want := (workload.Result{Requests: 3, Ns: 200, First: 9000}); err != nil || result != want {
		t.Errorf("got %+v, %v, want %+v", result, err, want)
	}
	failed := errors.New("failed")
	for _, fails := range []int{1, 2} {
		passes := 0
		if _, err := workload.Repeat(2, func() (workload.Result, error) {
			if passes++; passes == fails {
				return workload.Result{}, failed
			}
			return workload.Result{Requests: 1, Ns: 1}, nil
		}); !errors.Is(err, failed) {
			t.Errorf("pass %d failed, got %v", fails, err)
		}
	}
}

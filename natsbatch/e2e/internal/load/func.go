package load

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
)

// Work is a batcher.Func that does what its requests say and writes down what
// it ran. The zero Work runs at once and writes nothing.
type Work struct {
	Takes time.Duration // how long one batch takes
	Tame  bool          // every request is answered, whatever its op
	Log   *oracle.Log

	runs, requests, largest atomic.Int64
}

// Ran is what a Work has done so far.
type Ran struct{ Batches, Requests, Largest int64 }

// MeanBatch is the mean number of requests in a batch.
func (r Ran) MeanBatch() float64 { return float64(r.Requests) / float64(max(1, r.Batches)) }

// Since is what was done after an earlier time. Largest counts from the beginning.
func (r Ran) Since(earlier Ran) Ran {
	return Ran{r.Batches - earlier.Batches, r.Requests - earlier.Requests, r.Largest}
}

// Ran tells what was done so far.
func (w *Work) Ran() Ran { return Ran{w.runs.Load(), w.requests.Load(), w.largest.Load()} }

// Process is the Func. A run's name is no other's.
func (w *Work) Process(ctx context.Context, reqs [][]byte) ([][]byte, error) {
	run := fmt.Sprintf("%d.%d.%d", os.Getpid(), time.Now().UnixNano(), w.runs.Add(1))
	w.requests.Add(int64(len(reqs)))
	for n, most := int64(len(reqs)), w.largest.Load(); n > most && !w.largest.CompareAndSwap(most, n); {
		most = w.largest.Load()
	}
	if err := w.note(run, reqs); err != nil {
		return nil, err
	}
	if w.Takes > 0 {
		time.Sleep(w.Takes)
	}
	if w.Tame {
		return plain(run, reqs), nil
	}
	if err := strike(reqs); err != nil {
		return nil, err
	}
	return answer(ctx, run, reqs)
}

// note writes down what begins to run.
func (w *Work) note(run string, reqs [][]byte) error {
	records := make([]oracle.Record, len(reqs))
	for i, req := range reqs {
		id, _, _, err := parse(req)
		if err != nil {
			return err
		}
		records[i] = oracle.Record{Kind: oracle.Ran, ID: id, Value: run}
	}
	if w.Log != nil {
		w.Log.Write(records...)
	}
	return nil
}

// strike does what concerns the batch.
func strike(reqs [][]byte) error {
	for _, req := range reqs {
		switch id, op, _, _ := parse(req); op {
		case Panic:
			panic(id + " panics as told")
		case Hang:
			time.Sleep(time.Hour)
		case Exit:
			die()
		case Spoil:
			return fmt.Errorf("%s spoils its batch as told", id)
		}
	}
	return nil
}

func plain(run string, reqs [][]byte) [][]byte {
	res := make([][]byte, len(reqs))
	for i, req := range reqs {
		res[i] = []byte(oracle.Answer(req, run))
	}
	return res
}

// answer gives each request its own.
func answer(ctx context.Context, run string, reqs [][]byte) ([][]byte, error) {
	res, errs, failed := plain(run, reqs), make(batcher.Errors, len(reqs)), false
	metas := natsbatch.Metas(ctx)
	for i, req := range reqs {
		id, op, arg, _ := parse(req)
		switch op {
		case Fail:
			errs[i] = fmt.Errorf("%s fails as told", id)
		case Retry:
			if metas[i].Tries < arg {
				errs[i] = natsbatch.Retry(fmt.Errorf("%s is to be tried again", id))
			}
		case Large:
			res[i] = append(res[i], strings.Repeat(".", max(0, arg-len(res[i])))...)
		}
		failed = failed || errs[i] != nil
	}
	if failed {
		return res, errs
	}
	return res, nil
}

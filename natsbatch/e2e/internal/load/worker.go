package load

import (
	"context"
	"encoding/json"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats.go"
)

// WorkerRole is the name under which RunWorker must be given to [proc.Main].
const WorkerRole = "worker"

// WorkerArgs say what a worker's process is like.
type WorkerArgs struct {
	Place
	Workers       int           // how many workers it holds, each with a connection. Default: zero, which is 1.
	MaxSize       int           // Default: zero, natsbatch's own.
	Delay         time.Duration // Default: zero, none.
	Slots         int           // of one worker. Default: zero, which is 1.
	Takes         time.Duration // how long Func takes for a batch
	Tame          bool          // see Work
	MaxDeliveries int
	Timeout       time.Duration
	Backoff       time.Duration // Default: zero, natsbatch's own.
}

// Worker is a process with workers.
type Worker struct {
	work    Work
	workers []*natsbatch.Worker
	conns   []*nats.Conn
}

// RunWorker is the worker's process.
func RunWorker(text json.RawMessage) (any, func(context.Context) error, error) {
	var args WorkerArgs
	if err := json.Unmarshal(text, &args); err != nil {
		return nil, nil, err
	}
	args.arm()
	w, err := StartWorker(args, args.connect)
	if err != nil {
		return nil, nil, err
	}
	return w, w.Shutdown, nil
}

// StartWorker starts workers in this process.
func StartWorker(args WorkerArgs, connect Connect) (w *Worker, err error) {
	w = &Worker{work: Work{Takes: args.Takes, Tame: args.Tame}}
	if w.work.Log, err = args.log(); err != nil {
		return nil, err
	}
	ctx, cancel := patient()
	defer cancel()
	for range max(1, args.Workers) {
		nc, err := connect()
		if err != nil {
			return nil, err
		}
		w.conns = append(w.conns, nc)
		worker, err := natsbatch.NewWorker(ctx, nc, args.Queue, w.work.Process, args.options())
		if err != nil {
			return nil, err
		}
		w.workers = append(w.workers, worker)
	}
	return w, nil
}

func (a WorkerArgs) options() natsbatch.WorkerOptions {
	o := natsbatch.WorkerOptions{
		Batch:         batcher.Options{MaxSize: a.MaxSize, Delay: a.Delay, MaxConcurrent: a.Slots},
		MaxDeliveries: a.MaxDeliveries,
		Timeout:       a.Timeout,
	}
	if a.Backoff > 0 {
		o.Backoff = func(int) time.Duration { return a.Backoff }
	}
	return o
}

// Ran tells what the process has run.
func (w *Worker) Ran(_ int, ran *Ran) error {
	*ran = w.work.Ran()
	return nil
}

// Usage tells what the process has used.
func (w *Worker) Usage(_ int, u *Usage) (err error) {
	*u, err = usage()
	return err
}

// Shutdown ends the workers in order.
func (w *Worker) Shutdown(ctx context.Context) error {
	defer func() {
		for _, nc := range w.conns {
			nc.Close()
		}
	}()
	for _, worker := range w.workers {
		if err := worker.Shutdown(ctx); err != nil {
			return err
		}
	}
	return nil
}

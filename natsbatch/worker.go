package natsbatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/nats-io/nats.go"
)

// WorkerOptions say how a [Worker] forms and runs batches. The zero
// WorkerOptions run what comes at once, at most 64 requests at a time.
type WorkerOptions struct {
	// Batch says when a batch starts and how many run at once, as anywhere; each
	// group and priority has its own. MaxSize zero is 64, MaxConcurrent negative
	// is 64, and MaxWeight counts bytes of encoded requests: a heavier one runs
	// alone. Manual, StrictSize, MaxPending and Go must not be set.
	Batch batcher.Options

	// MaxDeliveries is how often a request is delivered to a worker before it goes
	// to the dead letters. The last time it does not run, so that one which kills its
	// process ends there too. Errors of Retry are counted apart from crashes and
	// panics, which a neighbour may have caused. Default: zero, which is 5. 3 to
	// 500,000.
	MaxDeliveries int

	// Timeout is how long Func may take for a batch before the worker gives it
	// up: its context ends, and its requests run again in smaller batches. A Func
	// that goes on nevertheless runs beside later ones. Default: zero, which is 5
	// minutes; negative: no limit.
	Timeout time.Duration

	// Retryable says which errors of Func, for a batch or for single requests,
	// are worth another try, besides those marked by [Retry]. Default: nil, none:
	// an error is the request's answer. Like Backoff, it must be safe for concurrent use.
	Retryable func(error) bool

	// Backoff is how long a request waits before it runs again: before try 1, which is
	// its second run, 2 and so on. Up to half as much is added at random. Default: nil,
	// which is 100 ms, doubled with each try, at most 30 s; so it is if Backoff panics.
	Backoff func(try int) time.Duration

	// Codec is that of the front ends: see ClientOptions. Default: nil, JSON.
	Codec Codec
}

// Limits, most of them where the options leave one open.
const (
	defaultSize       = 64
	defaultDeliveries = 5
	mostDeliveries    = 500_000 // runs after errors and after crashes are together below what the wire can count
	defaultTimeout    = 5 * time.Minute
	manySlots         = 64
)

// Validate says what is wrong, naming each field and its value, or returns nil.
func (o WorkerOptions) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("natsbatch: WorkerOptions: "+format, args...))
	}
	if err := o.withDefaults().Batch.Validate(); err != nil {
		faults = append(faults, err)
	}
	if o.Batch.Manual {
		fault("Batch.Manual must not be set: nobody would start a batch")
	}
	if o.Batch.StrictSize {
		fault("Batch.StrictSize must not be set: a request could wait for ever")
	}
	if o.Batch.MaxPending != 0 {
		fault("Batch.MaxPending is %d, must not be set: a worker takes what it can run", o.Batch.MaxPending)
	}
	if o.Batch.Go != nil {
		fault("Batch.Go must not be set")
	}
	if o.MaxDeliveries != 0 && (o.MaxDeliveries < 3 || o.MaxDeliveries > mostDeliveries) {
		fault("MaxDeliveries is %d, must be 3 to %d", o.MaxDeliveries, mostDeliveries)
	}
	return errors.Join(faults...)
}

func (o WorkerOptions) withDefaults() WorkerOptions {
	o.Batch.MaxSize = cmp.Or(o.Batch.MaxSize, defaultSize)
	o.Batch.MaxConcurrent = cmp.Or(o.Batch.MaxConcurrent, 1)
	if o.Batch.MaxConcurrent < 0 {
		o.Batch.MaxConcurrent = manySlots
	}
	o.Batch.MaxConcurrent = min(o.Batch.MaxConcurrent, mostTaken)
	o.MaxDeliveries = cmp.Or(o.MaxDeliveries, defaultDeliveries)
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	if o.Backoff == nil {
		o.Backoff = defaultBackoff
	}
	o.Codec = codecOr(o.Codec)
	return o
}

func defaultBackoff(try int) time.Duration {
	return min(30*time.Second, 100*time.Millisecond<<min(try-1, 20))
}

// Worker takes the requests of all front ends of a queue, runs them in batches
// with a Func, and answers. Any number of workers share a queue. Make one with
// [NewWorker] or [NewGroupWorker]; it works until Shutdown or Close.
type Worker struct {
	*topology
	opts    WorkerOptions
	process processor
	pools   pools // by how often the requests have been suspected
	grouped bool
	slots   chan struct{}
	figures figures

	collector     *collector
	leases        leases
	mail          *mail
	overdue       overdue
	unsettledRuns chan struct{}  // bounds the batches that have run and are not settled
	settling      sync.WaitGroup // what Shutdown waits for

	gate     sync.RWMutex // guards what follows; held while items are put into batches and while settling begins
	draining bool         // nothing more is run
	over     bool         // nothing more that has run is settled

	open    context.Context // ends when Close or Shutdown is called
	shut    context.CancelFunc
	ctx     context.Context // ends when Shutdown runs out of time
	cancel  context.CancelFunc
	stop    sync.Once
	stopped chan struct{}
}

// NewWorker makes a worker that processes batches with fn, a batcher.Func; [Metas]
// tells fn more about its requests. It creates and
// verifies the queue's streams as [Setup] does, and waits for that, no longer
// than ctx lasts. It fails if fn is nil or opts.Validate fails.
//
// What fn returns for a request is its answer, a result or an error, except
// an error of [Retry], a panic, and a batch that takes longer than Timeout:
// then it runs again. fn may see a request more than once in any case, after
// a crash.
//
// The connection stays the caller's: the Worker needs it until Shutdown has
// returned. It should reconnect for ever (nats.MaxReconnects(-1)).
func NewWorker[Req, Res any](ctx context.Context, nc *nats.Conn, q Queue, fn batcher.Func[Req, Res], opts WorkerOptions) (*Worker, error) {
	if fn == nil {
		return nil, errors.New("natsbatch: NewWorker: fn is nil")
	}
	return newWorker(ctx, nc, q, func(ctx context.Context, _ string, reqs []Req) ([]Res, error) { return fn(ctx, reqs) }, opts, false)
}

// NewGroupWorker is NewWorker for an fn whose batches hold requests of one [Group]
// only, and which gets the group's name.
func NewGroupWorker[Req, Res any](ctx context.Context, nc *nats.Conn, q Queue, fn func(ctx context.Context, group string, reqs []Req) ([]Res, error), opts WorkerOptions) (*Worker, error) {
	if fn == nil {
		return nil, errors.New("natsbatch: NewGroupWorker: fn is nil")
	}
	return newWorker(ctx, nc, q, fn, opts, true)
}

func newWorker[Req, Res any](ctx context.Context, nc *nats.Conn, q Queue, fn groupFunc[Req, Res], opts WorkerOptions, grouped bool) (*Worker, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	t, err := open(ctx, nc, q)
	if err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	w := &Worker{
		topology: t,
		opts:     opts,
		process:  newProcessor(fn, opts, func() int { return payloadLimit(nc) }),
		grouped:  grouped,
		slots:    make(chan struct{}, opts.Batch.MaxConcurrent),
		stopped:  make(chan struct{}),

		unsettledRuns: make(chan struct{}, opts.Batch.MaxConcurrent+unsettledBatches),
	}
	w.leases = leases{nc: nc, wait: t.queue.AckWait}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.open, w.shut = context.WithCancel(w.ctx)
	w.pools.by = make(map[int]*pool)
	if w.mail, err = newMail(t); err == nil {
		w.collector, err = newCollector(w)
	}
	if err != nil {
		w.cancel()
		return nil, err
	}
	go w.collector.loop()
	return w, nil
}

// unsettledBatches is how many batches may be in settlement besides those that
// run: when the server stores results slowly, or is away, the worker runs no more.
const unsettledBatches = 64

// Close stops taking requests, finishes those that run, hands those that do
// not run back to the queue, and returns when all is settled. Without a server that
// answers this may take for ever. If for 15 s no server has had a stream that is to
// store results, those requests go back too, and run again.
func (w *Worker) Close() error { return w.Shutdown(context.Background()) }

// Shutdown is Close bounded by ctx. When ctx ends first, the contexts of the
// Funcs that run end, and Shutdown returns ctx's cause; what was not settled
// goes to another worker after AckWait. Results and errors that Funcs return after
// that are dropped.
func (w *Worker) Shutdown(ctx context.Context) error {
	w.stop.Do(func() { go w.wind() })
	select {
	case <-w.stopped:
		return nil
	case <-ctx.Done():
	}
	w.cancel()
	return context.Cause(ctx)
}

// wind ends the worker in good order: batches that run finish, and all other requests
// are handed back, including those that pulls still bring.
func (w *Worker) wind() {
	w.gate.Lock()
	w.draining = true
	w.gate.Unlock()
	w.shut()
	var ends sync.WaitGroup
	ends.Go(func() { w.pools.shutdown(w.ctx) })
	w.collector.close()
	ends.Wait()
	w.gate.Lock()
	w.over = true
	w.gate.Unlock()
	w.settling.Wait()
	w.leases.close()
	_ = w.nc.FlushTimeout(time.Second) // of acknowledgements
	w.mail.close()
	w.cancel()
	close(w.stopped)
}

func (w *Worker) isDraining() bool {
	w.gate.RLock()
	defer w.gate.RUnlock()
	return w.draining
}

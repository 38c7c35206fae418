package gateway

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gobatcher/batcher"
)

// Process returns the function that gets a batch of this route answered, for a
// Dispatcher of one's own and its workers: it joins, asks Upstream and splits,
// with Route.Isolate and Wrap around that, and tells observer, whose nil
// functions are not called. It learns the trigger and the callers of a batch by
// [batcher.FromContext]. Process fails if Protocol or Upstream is nil.
func (r Route) Process(observer Observer) (Process, error) {
	if r.Protocol == nil || r.Upstream == nil {
		return nil, fmt.Errorf("gateway: route %q: Process needs a Protocol and an Upstream", r.Pattern)
	}
	p := &processor{route: r.WithDefaults(), observer: observer}
	fn := batcher.Func[Item, Outcome](p.isolate)
	if r.Wrap != nil {
		fn = r.Wrap(fn)
	}
	return func(ctx context.Context, key Key, items []Item) ([]Outcome, error) {
		if info, ok := batcher.FromContext(ctx); ok { // to a Dispatcher its requests may weigh something else
			info.Weight = weigh(items)
			ctx = batcher.WithInfo(ctx, info)
		}
		return fn(context.WithValue(ctx, keyOfContext{}, key), items)
	}, nil
}

// weigh returns the weight of items in the protocol's unit.
func weigh(items []Item) (weight int) {
	for _, item := range items {
		weight += min(max(1, item.Weight), math.MaxInt-weight) // as a Batcher adds them
	}
	return weight
}

// KeyFromContext returns the key of the batch that ctx belongs to, which is the
// context of a function made by Route.Wrap; false if it belongs to none.
func KeyFromContext(ctx context.Context) (Key, bool) {
	key, ok := ctx.Value(keyOfContext{}).(Key)
	return key, ok
}

type keyOfContext struct{}

// processor gets the batches of one route answered.
type processor struct {
	route    Route
	observer Observer
}

// exchange is one upstream call.
func (p *processor) exchange(ctx context.Context, items []Item) ([]Outcome, error) {
	key, _ := KeyFromContext(ctx)
	e := Exchange{Route: p.route.Name, Key: key, Start: time.Now(), Batch: Batch{ID: batchID(), Size: len(items)}}
	if info, ok := batcher.FromContext(ctx); ok {
		e.Batch.Trigger, e.Opened, e.Callers = info.Trigger, info.Opened, info.Requests
	}
	s := &sending{batch: e.Batch, start: e.Start}
	s.tell(e.Callers)
	results, err := p.ask(ctx, &e, items)
	s.took.Store(int64(e.Batch.Upstream))
	batch := e.Batch
	if err != nil {
		failure := *asError(err)
		failure.Batch = &batch
		e.Err, err = &failure, &failure
	}
	if p.observer.Exchanged != nil {
		p.observer.Exchanged(ctx, e)
	}
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(items))
	for i, result := range results {
		outcomes[i] = Outcome{result, &batch}
	}
	return outcomes, nil
}

// ask joins, sends and splits.
func (p *processor) ask(ctx context.Context, e *Exchange, items []Item) ([]Result, error) {
	body, err := p.route.Protocol.Join(e.Key, items)
	if err != nil {
		return nil, Errorf(http.StatusInternalServerError, "the batch cannot be joined: %v", err)
	}
	e.Sent = len(body)
	answer, err := p.route.Upstream.Send(ctx, e.Key, body)
	e.Batch.Upstream = time.Since(e.Start)
	e.Status, e.Received = answer.Status, len(answer.Body)
	if err != nil {
		return nil, lost(ctx, err)
	}
	e.Batch.Status, e.Batch.Header = answer.Status, concerning(answer.Header)
	if answer.Status >= http.StatusMultipleChoices {
		return p.refused(e, items, answer)
	}
	results, err := p.route.Protocol.Split(e.Key, items, answer)
	if again, ok := err.(*Error); ok && counted(results, items) == nil {
		return p.unlessAgain(e, items, results, again)
	}
	if err == nil {
		err = counted(results, items)
	}
	if err != nil {
		bad := Errorf(http.StatusBadGateway, "the upstream's answer does not fit the batch: %v", err)
		bad.Repeat = true
		return nil, bad
	}
	return results, nil
}

// lost returns the error of an upstream call that has no answer.
func lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	return fmt.Errorf("the upstream did not answer: %w", err)
}

// refused returns what becomes of a batch that the upstream refused.
func (p *processor) refused(x *Exchange, items []Item, a Answer) ([]Result, error) {
	e := Errorf(a.Status, "the upstream answered %d", a.Status)
	e.Header, e.Body = x.Batch.Header, a.Body
	if e.Body == nil {
		e.Body = []byte{}
	}
	switch a.Status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusInternalServerError:
		e.Repeat = true
	case http.StatusRequestEntityTooLarge:
		e.Undone = true
	}
	if r, ok := p.route.Protocol.(Refuser); ok {
		results := r.Refuse(x.Key, items, a, e)
		if counted(results, items) == nil {
			return p.unlessAgain(x, items, results, e)
		}
	}
	return nil, e
}

// unlessAgain returns the results of a batch, unless e says that it is sent again
// in parts, and there are parts.
func (p *processor) unlessAgain(x *Exchange, items []Item, results []Result, e *Error) ([]Result, error) {
	if isOneCall(items, x.Callers) || !p.repeatable(e) {
		return results, nil
	}
	return nil, e
}

func counted(results []Result, items []Item) error {
	if len(results) != len(items) {
		return fmt.Errorf("%d results for %d items", len(results), len(items))
	}
	return nil
}

// repeatable reports whether a batch that failed with err is sent again in
// parts.
func (p *processor) repeatable(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Undone || e.Repeat && p.route.Isolate)
}

var (
	process = strconv.FormatInt(time.Now().UnixNano(), 36)
	batches atomic.Uint64
)

func batchID() string { return process + "-" + strconv.FormatUint(batches.Add(1), 10) }

package otelbatch_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/otelbatch"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace"
)

// echo is a Func that takes d.
func echo(d time.Duration) batcher.Func[int, int] {
	return func(_ context.Context, reqs []int) ([]int, error) {
		time.Sleep(d)
		return reqs, nil
	}
}

func TestMetricsOfABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSDK(t)
		b := batcher.New(otelbatch.Func(echo(2*time.Second), s.telemetry()), batcher.Options{Delay: time.Second})
		first, second := b.Submit(t.Context(), 1), b.Submit(t.Context(), 2)
		for want, f := range []batcher.Future[int]{first, second} {
			if got, err := f.Wait(t.Context()); got != want+1 || err != nil {
				t.Errorf("got %d, %v, want %d", got, err, want+1)
			}
		}
		delay := rows("batcher.trigger", "delay")
		s.wantSums("batcher.batches", map[attribute.Set]int64{delay: 1})
		wantHistogram(s, "batcher.batch.size", delay, 1, int64(2))
		wantHistogram(s, "batcher.batch.queue.duration", delay, 1, 1.0)
		wantHistogram(s, "batcher.batch.run.duration", delay, 1, 2.0)
	})
}

// Quantiles are right for quick Funcs, slow ones and large batches: all that lies beyond
// the last bound is taken for that bound.
func TestBoundsOfHistograms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSDK(t)
		b := batcher.New(otelbatch.Func(func(_ context.Context, reqs []int) ([]int, error) {
			time.Sleep(time.Duration(reqs[0]))
			return reqs, nil
		}, s.telemetry()), batcher.Options{})
		for _, took := range []time.Duration{200 * time.Microsecond, 40 * time.Second, 4 * time.Minute} {
			b.Do(t.Context(), int(took))
		}
		bounds := func(name string) []float64 {
			switch data := s.metrics()[name].Data.(type) {
			case metricdata.Histogram[float64]:
				return data.DataPoints[0].Bounds
			case metricdata.Histogram[int64]:
				return data.DataPoints[0].Bounds
			}
			return nil
		}
		for name, want := range map[string][2]float64{
			"batcher.batch.run.duration":   {100e-6, 300},
			"batcher.batch.queue.duration": {100e-6, 300},
			"batcher.batch.size":           {1, 16384},
		} {
			if got := bounds(name); len(got) == 0 || got[0] != want[0] || got[len(got)-1] != want[1] {
				t.Errorf("%s has the bounds %v, want some from %v to %v", name, got, want[0], want[1])
			}
		}
		run := s.metrics()["batcher.batch.run.duration"].Data.(metricdata.Histogram[float64]).DataPoints[0]
		for i, bound := range run.Bounds {
			if want := map[float64]uint64{250e-6: 1, 60: 1, 300: 1}[bound]; run.BucketCounts[i] != want {
				t.Errorf("%d runs count in the bucket to %v s, want %d", run.BucketCounts[i], bound, want)
			}
		}
	})
}

func TestBatchesAreCountedByTrigger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSDK(t)
		b := batcher.New(otelbatch.Func(echo(0), s.telemetry()), batcher.Options{MaxSize: 2, Manual: true})
		for i := range 5 {
			b.Submit(t.Context(), i)
		}
		b.Flush()
		b.Submit(t.Context(), 5)
		b.Close()
		s.wantSums("batcher.batches", map[attribute.Set]int64{
			rows("batcher.trigger", "size"):   2,
			rows("batcher.trigger", "manual"): 1,
			rows("batcher.trigger", "close"):  1,
		})
	})
}

func TestOptionsAttributes(t *testing.T) {
	s := newSDK(t)
	telemetry := s.telemetry(attribute.String("db", "main"))
	batcher.New(otelbatch.Func(echo(0), telemetry), batcher.Options{}).Do(t.Context(), 1)
	s.wantSums("batcher.batches", map[attribute.Set]int64{rows("batcher.trigger", "idle", "db", "main"): 1})
	if got := attribute.NewSet(s.ended("batch rows").Attributes...); !got.HasValue("db") {
		t.Errorf("the span has %v", got.ToSlice())
	}
}

// What is measured without a trigger, and what Watch reports, has the attributes
// that all calls share and nothing else.
func TestSharedAttributesAreOnlyRead(t *testing.T) {
	s := newSDK(t)
	telemetry := s.telemetry(attribute.String("a", "sorts first"))
	fn := otelbatch.Func(echo(0), telemetry)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { _, _ = fn(context.Background(), []int{1}) })
	}
	wg.Go(func() { _, _ = telemetry.Watch(func() batcher.Stats { return batcher.Stats{} }) })
	wg.Wait()
	s.spans.Reset()
	_, _ = fn(context.Background(), []int{1})
	if got := s.ended("batch rows").Attributes[:2]; got[0].Key != "batcher.name" || got[1].Key != "a" {
		t.Errorf("the span has %v, want batcher.name, then those of the Options", got)
	}
}

// A Func may be called by hand, in a test of it for example.
func TestOutsideOfABatcher(t *testing.T) {
	s := newSDK(t)
	if res, err := otelbatch.Func(echo(0), s.telemetry())(t.Context(), []int{1, 2, 3}); len(res) != 3 || err != nil {
		t.Errorf("got %v, %v", res, err)
	}
	s.wantSums("batcher.batches", map[attribute.Set]int64{rows(): 1})
	wantHistogram(s, "batcher.batch.size", rows(), 1, int64(3))
	if m, ok := s.metrics()["batcher.batch.queue.duration"]; ok {
		t.Errorf("nothing queued, and yet %v", m)
	}
	got := attribute.NewSet(s.ended("batch rows").Attributes...)
	if want := attribute.NewSet(attribute.String("batcher.name", "rows"), attribute.Int("batcher.batch.size", 3)); got != want {
		t.Errorf("the span has %v, want %v", got.ToSlice(), want.ToSlice())
	}
}

// A wrapper may make up an Info with a Trigger that there is not.
func TestUnknownTrigger(t *testing.T) {
	s := newSDK(t)
	ctx := batcher.WithInfo(t.Context(), batcher.Info{Trigger: batcher.TriggerClose + 1, Opened: time.Now()})
	if _, err := otelbatch.Func(echo(0), s.telemetry())(ctx, []int{1}); err != nil {
		t.Error(err)
	}
	s.wantSums("batcher.batches", map[attribute.Set]int64{rows(): 1})
}

// A wrapper may also make up when a batch is opened. No request waits for less than no time.
func TestNoRequestWaitsForLessThanNoTime(t *testing.T) {
	s := newSDK(t)
	ctx := batcher.WithInfo(t.Context(), batcher.Info{Trigger: batcher.TriggerSize, Opened: time.Now().Add(time.Hour)})
	_, _ = otelbatch.Func(echo(0), s.telemetry())(ctx, []int{1})
	wantHistogram(s, "batcher.batch.queue.duration", rows("batcher.trigger", "size"), 1, 0.0)
}

func TestKeyedFunc(t *testing.T) {
	s := newSDK(t)
	b := batcher.NewKeyed(otelbatch.KeyedFunc(func(_ context.Context, key string, reqs []int) ([]string, error) {
		res := make([]string, len(reqs))
		for i, req := range reqs {
			res[i] = fmt.Sprint(key, req)
		}
		return res, nil
	}, s.telemetry()), batcher.Options{})
	for _, key := range []string{"a", "b"} {
		if got, err := b.Do(t.Context(), key, 7); got != key+"7" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
	s.wantSums("batcher.batches", map[attribute.Set]int64{rows("batcher.trigger", "idle"): 2})
}

// failures are all ways in which a batch of two can fail.
var failures = []struct {
	name   string
	fn     batcher.Func[int, int]
	kind   string // the error.type
	failed int64
	status string // what the span's status says
}{
	{"for another reason", returns(nil, errors.New("no disk")), "_OTHER", 2, "no disk"},
	{"in time", returns(nil, context.DeadlineExceeded), "timeout", 2, "context deadline exceeded"},
	{"in the system's time", returns(nil, os.ErrDeadlineExceeded), "timeout", 2, "i/o timeout"},
	{"not for want of time", returns(nil, net.UnknownNetworkError("udp9")), "_OTHER", 2, "unknown network udp9"},
	{"canceled", returns(nil, context.Canceled), "canceled", 2, "context canceled"},
	{"closed", returns(nil, batcher.ErrClosed), "canceled", 2, "batcher: closed"},
	{"too few results", returns([]int{1}, nil), "result_count", 2, "batcher: wrong number of results: Func returned 1 results for 2 requests"},
	{"a panic told", returns(nil, &batcher.PanicError{Value: batcher.Errors{nil, nil}}), "panic", 2, "batcher: Func panicked: batcher: none of 2 requests failed"},
	{"one of two", returns([]int{1, 2}, batcher.Errors{nil, errors.New("no disk")}), "partial", 1, "batcher: 1 of 2 requests failed, the first with: no disk"},
	{"all alike", returns(nil, batcher.Errors{context.Canceled, batcher.ErrCanceled}), "canceled", 2, "batcher: 2 of 2 requests failed, the first with: context canceled"},
	{"each in its way", returns(nil, batcher.Errors{context.Canceled, errors.New("no disk")}), "_OTHER", 2, "batcher: 2 of 2 requests failed, the first with: context canceled"},
	{"wrong errors", returns([]int{1, 2}, batcher.Errors{nil}), "result_count", 2, "batcher: none of 1 requests failed"},
	{"no results beside no errors", returns(nil, batcher.Errors{nil, nil}), "result_count", 2, "batcher: wrong number of results: Func returned 0 results for 2 requests: batcher: none of 2 requests failed"},
	{"too few results beside an error", returns([]int{1}, batcher.Errors{errors.New("no disk"), nil}), "_OTHER", 2, "batcher: wrong number of results: Func returned 1 results for 2 requests: batcher: 1 of 2 requests failed, the first with: no disk"},
	{"a panic", func(context.Context, []int) ([]int, error) { panic("no disk") }, "panic", 2, "panic"},
	{"goexit", func(context.Context, []int) ([]int, error) { runtime.Goexit(); return nil, nil }, "panic", 2, "panic"},
}

func returns(res []int, err error) batcher.Func[int, int] {
	return func(context.Context, []int) ([]int, error) { return res, err }
}

func TestFailures(t *testing.T) {
	for _, f := range failures {
		t.Run(f.name, func(t *testing.T) {
			s := newSDK(t)
			b := batcher.New(otelbatch.Func(f.fn, s.telemetry()), batcher.Options{MaxSize: 2, Manual: true})
			b.Submit(t.Context(), 1)
			b.Submit(t.Context(), 2)
			b.Close()
			s.wantSums("batcher.batches", map[attribute.Set]int64{rows("batcher.trigger", "size", "error.type", f.kind): 1})
			span := s.ended("batch rows")
			attrs := attribute.NewSet(span.Attributes...)
			kind, _ := attrs.Value("error.type")
			failed, _ := attrs.Value("batcher.batch.failed")
			if kind.AsString() != f.kind || failed.AsInt64() != f.failed {
				t.Errorf("the span has error.type %q and %d failed, want %q and %d", kind.AsString(), failed.AsInt64(), f.kind, f.failed)
			}
			if span.Status.Code != codes.Error || span.Status.Description != f.status {
				t.Errorf("the span's status is %v, want an error that says %q", span.Status, f.status)
			}
		})
	}
}

// typedNil is an error whose methods panic: a nil pointer in an error.
type typedNil struct{ text string }

func (e *typedNil) Error() string { return e.text }

// An error whose text cannot be had reaches the callers as it is, and is
// measured like any other.
func TestErrorWhoseErrorMethodPanics(t *testing.T) {
	s := newSDK(t)
	var failure *typedNil
	b := batcher.New(otelbatch.Func(returns(nil, failure), s.telemetry()), batcher.Options{})
	if _, err := b.Do(t.Context(), 1); err != error(failure) {
		t.Errorf("got %T, want Func's error", err)
	}
	s.wantSums("batcher.batches", map[attribute.Set]int64{rows("batcher.trigger", "idle", "error.type", "_OTHER"): 1})
	if status := s.ended("batch rows").Status; status.Code != codes.Error || status.Description != "<nil>" {
		t.Errorf("the span's status is %v", status)
	}
}

// A database may quote what a row holds. One text that is not UTF-8 would keep
// all spans of an export from the collector.
func TestErrorThatIsNotUTF8(t *testing.T) {
	s := newSDK(t)
	failure := errors.New("duplicate entry '\xff'")
	b := batcher.New(otelbatch.Func(returns(nil, failure), s.telemetry()), batcher.Options{})
	if _, err := b.Do(t.Context(), 1); err != failure {
		t.Errorf("got %v, want Func's error", err)
	}
	const want = "duplicate entry '\uFFFD'"
	span := s.ended("batch rows")
	if span.Status.Description != want {
		t.Errorf("the span's status is %q, want %q", span.Status.Description, want)
	}
	event := attribute.NewSet(span.Events[0].Attributes...)
	if text, _ := event.Value("exception.message"); text.AsString() != want {
		t.Errorf("the span's exception says %q, want %q", text.AsString(), want)
	}
}

// An exception has the type of Func's error.
func TestExceptionType(t *testing.T) {
	s := newSDK(t)
	b := batcher.New(otelbatch.Func(returns(nil, net.UnknownNetworkError("udp9")), s.telemetry()), batcher.Options{})
	_, _ = b.Do(t.Context(), 1)
	event := attribute.NewSet(s.ended("batch rows").Events[0].Attributes...)
	if got, _ := event.Value("exception.type"); got.AsString() != "net.UnknownNetworkError" {
		t.Errorf("the span's exception is a %s", got.AsString())
	}
}

// unsound is an error that panics when errors.Is looks into it.
type unsound struct{ cause error }

func (e *unsound) Error() string { return "unsound" }
func (e *unsound) Unwrap() error { return e.cause }

// To its callers an error that cannot be looked into is a panic of Func.
func TestErrorThatCannotBeLookedInto(t *testing.T) {
	s := newSDK(t)
	var failure *unsound
	b := batcher.New(otelbatch.Func(returns(nil, failure), s.telemetry()), batcher.Options{})
	_, err := b.Do(t.Context(), 1)
	var panicked *batcher.PanicError
	if !errors.As(err, &panicked) {
		t.Errorf("got %v, want a PanicError", err)
	}
	s.wantSums("batcher.batches", map[attribute.Set]int64{rows("batcher.trigger", "idle", "error.type", "panic"): 1})
	if status := s.ended("batch rows").Status; status.Code != codes.Error {
		t.Errorf("the span's status is %v", status)
	}
}

// An Errors without an error in it is none.
func TestErrorsOfNils(t *testing.T) {
	s := newSDK(t)
	b := batcher.New(otelbatch.Func(returns([]int{1}, batcher.Errors{nil}), s.telemetry()), batcher.Options{})
	if _, err := b.Do(t.Context(), 1); err != nil {
		t.Error(err)
	}
	s.wantSums("batcher.batches", map[attribute.Set]int64{rows("batcher.trigger", "idle"): 1})
	if status := s.ended("batch rows").Status; status.Code != codes.Unset {
		t.Errorf("the span's status is %v", status)
	}
}

// A panic's stack must still lead to where it happened.
func TestPanicsPassThrough(t *testing.T) {
	b := batcher.New(otelbatch.Func(failingDeepDown, newSDK(t).telemetry()), batcher.Options{})
	_, err := b.Do(t.Context(), 1)
	var panicked *batcher.PanicError
	if !errors.As(err, &panicked) || panicked.Value != "no disk" || !strings.Contains(string(panicked.Stack), "failingDeepDown") {
		t.Errorf("got %v", err)
	}
}

func failingDeepDown(context.Context, []int) ([]int, error) { panic("no disk") }

// What is nil is told where it is given: later it would fail every request, or
// end the program when metrics are collected.
func TestNil(t *testing.T) {
	telemetry := newSDK(t).telemetry()
	insert := returns(nil, nil)
	keyed := func(context.Context, string, []int) ([]int, error) { return nil, nil }
	for want, f := range map[string]func(){
		"otelbatch: Func of a nil Func":             func() { otelbatch.Func[int, int](nil, telemetry) },
		"otelbatch: KeyedFunc of a nil function":    func() { otelbatch.KeyedFunc[int, int, int](nil, telemetry) },
		"otelbatch: Func with a nil Telemetry":      func() { otelbatch.Func(insert, nil) },
		"otelbatch: KeyedFunc with a nil Telemetry": func() { otelbatch.KeyedFunc(keyed, nil) },
		"otelbatch: Watch of nil stats":             func() { _, _ = telemetry.Watch(nil) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panic with %v, want %q", got, want)
				}
			}()
			f()
		}()
	}
}

// errRefused is what a meter says that refuses.
var errRefused = errors.New("refused")

// refusing is a meter that refuses one instrument, or callbacks.
type refusing struct {
	noop.Meter
	instrument string
	callbacks  error
}

func (r refusing) refuse(instrument string) error {
	if instrument == r.instrument {
		return errRefused
	}
	return nil
}

func (r refusing) Int64Counter(name string, _ ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return noop.Int64Counter{}, r.refuse(name)
}

func (r refusing) Int64Histogram(name string, _ ...metric.Int64HistogramOption) (metric.Int64Histogram, error) {
	return noop.Int64Histogram{}, r.refuse(name)
}

func (r refusing) Float64Histogram(name string, _ ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	return noop.Float64Histogram{}, r.refuse(name)
}

func (r refusing) Int64ObservableCounter(name string, _ ...metric.Int64ObservableCounterOption) (metric.Int64ObservableCounter, error) {
	return noop.Int64ObservableCounter{}, r.refuse(name)
}

func (r refusing) Int64ObservableUpDownCounter(name string, _ ...metric.Int64ObservableUpDownCounterOption) (metric.Int64ObservableUpDownCounter, error) {
	return noop.Int64ObservableUpDownCounter{}, r.refuse(name)
}

func (r refusing) Int64ObservableGauge(name string, _ ...metric.Int64ObservableGaugeOption) (metric.Int64ObservableGauge, error) {
	return noop.Int64ObservableGauge{}, r.refuse(name)
}

func (r refusing) RegisterCallback(metric.Callback, ...metric.Observable) (metric.Registration, error) {
	return noop.Registration{}, r.callbacks
}

// meters provides one meter.
type meters struct {
	noop.MeterProvider
	refusing refusing
}

func (m meters) Meter(string, ...metric.MeterOption) metric.Meter { return m.refusing }

func TestRefusedInstruments(t *testing.T) {
	for _, name := range []string{"batcher.batches", "batcher.batch.size", "batcher.batch.queue.duration", "batcher.batch.run.duration",
		"batcher.requests", "batcher.request.pending", "batcher.batch.running", "batcher.batch.size_limit"} {
		_, err := otelbatch.New("rows", otelbatch.Options{MeterProvider: meters{refusing: refusing{instrument: name}}})
		if !errors.Is(err, errRefused) || !strings.Contains(err.Error(), "rows") {
			t.Errorf("New without %s: %v", name, err)
		}
	}
	telemetry, err := otelbatch.New("rows", otelbatch.Options{MeterProvider: meters{refusing: refusing{callbacks: errRefused}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := telemetry.Watch(func() batcher.Stats { return batcher.Stats{} }); !errors.Is(err, errRefused) {
		t.Errorf("Watch: %v", err)
	}
}

// The global providers do nothing until a program sets others.
func TestGlobalProviders(t *testing.T) {
	telemetry, err := otelbatch.New("rows", otelbatch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var span trace.Span
	fn := otelbatch.Func(func(ctx context.Context, reqs []int) ([]int, error) {
		span = trace.SpanFromContext(ctx)
		return reqs, nil
	}, telemetry)
	if got, err := batcher.New(fn, batcher.Options{}).Do(t.Context(), 1); got != 1 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
	if span.IsRecording() {
		t.Error("a span records, and nobody is there to get it")
	}
}

package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/gateway"
)

// witness keeps what an Observer is told, in order.
type witness struct {
	served    []gateway.Served
	exchanged []gateway.Exchange
}

func (w *witness) observer() gateway.Observer {
	return gateway.Observer{
		Served:    func(_ *http.Request, s gateway.Served) { w.served = append(w.served, s) },
		Exchanged: func(_ context.Context, e gateway.Exchange) { w.exchanged = append(w.exchanged, e) },
	}
}

func TestObserverIsToldOfCallsAndBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upper{send: func(_ context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
			time.Sleep(20 * time.Millisecond)
			a := shout(body)
			if string(body) == "bad" {
				a.Status = http.StatusConflict
			}
			return a, nil
		}}
		var w witness
		h := newHandler(t, gateway.Route{Name: "words", Upstream: u, Delay: 10 * time.Millisecond}, gateway.Options{Observer: w.observer()})
		start := time.Now()
		post(h, "a,bc")
		post(h, "bad")
		synctest.Wait()
		if len(w.served) != 2 || len(w.exchanged) != 2 {
			t.Fatalf("%d calls, %d batches", len(w.served), len(w.exchanged))
		}

		s, x := w.served[0], w.exchanged[0]
		if s.Route != "words" || s.Passed || s.Status != 200 || s.Items != 2 || s.In != 4 || s.Out != 4 || s.Err != nil ||
			s.Took != 30*time.Millisecond || s.Queued != 10*time.Millisecond || s.Upstream != 20*time.Millisecond || len(s.Batches) != 1 {
			t.Errorf("served %+v", s)
		}
		if x.Route != "words" || x.Key.Path != "/words" || x.Status != 200 || x.Sent != 4 || x.Received != 4 || x.Err != nil || x.Opened != start ||
			x.Start != start.Add(10*time.Millisecond) || len(x.Callers) != 2 || x.Batch.Size != 2 || x.Batch.Trigger != batcher.TriggerDelay || x.Batch.ID != s.Batches[0].ID {
			t.Errorf("exchanged %+v", x)
		}
		s, x = w.served[1], w.exchanged[1]
		if s.Status != 409 || s.Out != 3 || s.Err == nil || s.Upstream != 20*time.Millisecond || x.Status != 409 || x.Err == nil {
			t.Errorf("served %+v, exchanged %+v", s, x)
		}
	})
}

func TestObserverIsToldOfWhatPasses(t *testing.T) {
	var w witness
	h := newHandler(t, gateway.Route{Pattern: "/words", Upstream: &passing{}}, gateway.Options{Observer: w.observer()})
	serve(h, httptest.NewRequest(http.MethodGet, "/words", nil))
	serve(h, httptest.NewRequest(http.MethodGet, "/else", nil))
	if len(w.served) != 2 || w.served[0].Route != "/words" || w.served[0].Status != 202 || !w.served[0].Passed || w.served[1].Route != "" || w.served[1].Status != 404 {
		t.Errorf("served %+v", w.served)
	}
}

func TestObserverIsToldWhyNothingCameBack(t *testing.T) {
	var w witness
	u := newHTTP(t, "", gateway.HTTPOptions{}, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	h := newHandler(t, gateway.Route{Upstream: u}, gateway.Options{Observer: w.observer()})
	for _, body := range []string{"", "x"} { // the latter's answer may be the last of its connection
		got := serve(h, httptest.NewRequest(http.MethodPatch, "/", strings.NewReader(body)))
		wantAnswer(t, got, 502, "the upstream did not answer")
	}
	for _, s := range w.served {
		var e *gateway.Error
		if !s.Passed || s.Status != 502 || !errors.As(s.Err, &e) || e.Status != 502 || !strings.Contains(e.Text, "EOF") {
			t.Errorf("served %+v", s)
		}
	}
	if len(w.served) != 2 {
		t.Errorf("served %d", len(w.served))
	}
}

// A request that is not let in is reported too.
func TestObserverIsToldOfWhoIsRefused(t *testing.T) {
	var w witness
	h := newHandler(t, gateway.Route{Pattern: "/words", Upstream: &upper{}}, gateway.Options{Observer: w.observer()})
	tokens := gateway.Tokens{Observer: w.observer()}
	wantAnswer(t, post(tokens.Require(h), "a"), 401, "token")
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, post(h, "a"), 503, "shutting down")
	wantAnswer(t, post(gateway.NewSwap(h), "a"), 503, "shutting down")
	serve(h, httptest.NewRequest(http.MethodGet, "/else", nil))
	if len(w.served) != 4 {
		t.Fatalf("served %+v", w.served)
	}
	for i, want := range []gateway.Served{{Status: 401}, {Status: 503, Route: "/words"}, {Status: 503, Route: "/words"}, {Status: 503}} {
		if s := w.served[i]; s.Status != want.Status || s.Route != want.Route || s.Passed || s.Err == nil || s.Out == 0 {
			t.Errorf("served %+v, want %+v", s, want)
		}
	}
}

// A caller that leaves before what it is passed to has answered gets nothing;
// one that stays gets 200 from a handler that writes nothing.
func TestObserverIsToldOfWhoLeftWhatPasses(t *testing.T) {
	var w witness
	u := newHTTP(t, "", gateway.HTTPOptions{}, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			<-r.Context().Done()
		}
	})
	h := newHandler(t, gateway.Route{Upstream: u}, gateway.Options{Observer: w.observer()})
	ctx, leave := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, leave)
	func() {
		defer func() {
			if v := recover(); v != http.ErrAbortHandler {
				t.Errorf("it panics with %v: net/http would send 200", v)
			}
		}()
		serve(h, httptest.NewRequestWithContext(ctx, http.MethodGet, "/hang", nil))
	}()
	silent := newHandler(t, gateway.Route{Pattern: "/words", Upstream: &upper{}}, gateway.Options{
		Observer: w.observer(), Fallback: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
	})
	serve(silent, httptest.NewRequest(http.MethodGet, "/", nil))
	if len(w.served) != 2 || w.served[0].Status != 499 || w.served[1].Status != 200 {
		t.Errorf("served %+v", w.served)
	}
}

func TestObserverIsToldOfWhoLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w witness
		h := newHandler(t, gateway.Route{Upstream: &upper{}, Delay: time.Hour, Timeout: -1}, gateway.Options{Observer: w.observer()})
		ctx, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, leave)
		serve(h, httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader("a,b")))
		if len(w.served) != 1 || w.served[0].Status != 499 || w.served[0].Took != time.Second || w.served[0].Queued != time.Second || len(w.exchanged) != 0 {
			t.Errorf("served %+v", w.served)
		}
	})
}

// Who leaves before all of the body has come has sent nothing wrong.
func TestObserverIsToldOfWhoLeftInABody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w witness
		h := newHandler(t, gateway.Route{Upstream: &upper{}}, gateway.Options{Observer: w.observer()})
		ctx, leave := context.WithCancel(t.Context())
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", trickle{time.Second, func() error { leave(); return io.ErrUnexpectedEOF }})
		r.ContentLength = 100
		serve(h, r)
		if len(w.served) != 1 || w.served[0].Status != 499 {
			t.Errorf("served %+v", w.served)
		}
	})
}

// Informational answers are not the answer.
func TestObserverIsToldOfTheFinalStatus(t *testing.T) {
	var w witness
	fallback := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.WriteHeader(http.StatusEarlyHints)
		if r.URL.Path == "/created" {
			rw.WriteHeader(http.StatusCreated)
		}
		_, _ = rw.Write([]byte("x"))
	})
	h := newHandler(t, gateway.Route{Pattern: "/words", Upstream: &upper{}}, gateway.Options{Fallback: fallback, Observer: w.observer()})
	front := httptest.NewServer(h)
	defer front.Close()
	for _, path := range []string{"/created", "/ok"} {
		res, err := http.Get(front.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	front.Close()
	if len(w.served) != 2 || w.served[0].Status != 201 || w.served[1].Status != 200 {
		t.Errorf("served %+v", w.served)
	}
}

// What is set stays, negative or not; limits of the protocol come before the general ones.
func TestRouteWithDefaults(t *testing.T) {
	r := gateway.Route{Pattern: "/a", Protocol: gateway.OpenAIEmbeddings{}, Upstream: &upper{}, MaxPending: 3, MaxBody: -1}.WithDefaults()
	got := fmt.Sprint(r.Name, r.MaxItems, r.MinItems, r.MaxConcurrent, r.Delay, r.TargetTime, r.MaxWeight, r.MaxBatchBytes, r.MaxPending, r.MaxPendingBytes, r.MaxBody, r.Timeout)
	if want := "/a2048 0 1 0s 0s 300000 16777216 3 268435456 -1 30s"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestValidateNamesEveryFault(t *testing.T) {
	good := gateway.Route{Pattern: "/", Protocol: words{}, Upstream: &upper{}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for field, change := range map[string]func(*gateway.Route){
		"Pattern":         func(r *gateway.Route) { r.Pattern = "" },
		"Protocol":        func(r *gateway.Route) { r.Protocol = nil },
		"Upstream":        func(r *gateway.Route) { r.Upstream = nil },
		"MinItems":        func(r *gateway.Route) { r.MinItems = 65 },
		"Delay":           func(r *gateway.Route) { r.Delay = -1 },
		"TargetTime":      func(r *gateway.Route) { r.TargetTime = -1 },
		"MaxPending":      func(r *gateway.Route) { r.MaxPending = 63 },
		"Headers":         func(r *gateway.Route) { r.Headers = []string{"X-Tenant", "host"} },
		"MaxPendingBytes": func(r *gateway.Route) { r.MaxPendingBytes = 1 << 20 },
	} {
		r := good
		change(&r)
		var fault *gateway.FieldError
		if err := r.Validate(); !errors.As(err, &fault) || fault.Field != field || fault.Route != r.Pattern || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, name := range []string{"", "X Y", "X:", "Content-Encoding", "accept-encoding"} {
		r := good
		if r.Headers = []string{name}; r.Validate() == nil {
			t.Errorf("no fault in the header %q", name)
		}
	}
	unlimited := good
	unlimited.MaxBody = -1
	if err := unlimited.Validate(); err == nil || !strings.Contains(err.Error(), "MaxPendingBytes is 268435456, must be negative too, for no limit, where MaxBody is") {
		t.Errorf("MaxBody alone without a limit: %v", err)
	}
	if unlimited.MaxPendingBytes = -1; unlimited.Validate() != nil {
		t.Errorf("both without a limit: %v", unlimited.Validate())
	}
	several := gateway.Route{MinItems: -1}
	if err := several.Validate(); err == nil || strings.Count(err.Error(), "gateway: route") != 4 {
		t.Errorf("got %v, want four faults", err)
	}
}

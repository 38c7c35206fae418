package durable

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/natsbatch"
)

// passing reports whether a request is to be tried again.
func passing(err error) bool {
	var retry *natsbatch.RetryError
	return errors.As(err, &retry)
}

func TestReplay(t *testing.T) {
	for status, wantAgain := range map[int]bool{200: false, 201: false, 400: false, 404: false, 413: false, 500: false, 501: false, 429: true, 502: true, 503: true, 504: true} {
		p := replay{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPut || r.Host != "example.com" || r.URL.Path != "/a b" || r.URL.RawQuery != "q=1" || r.Header.Get("X-A") != "b" {
				t.Errorf("the handler gets %+v", r)
			}
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Set("X-B", "c")
			w.WriteHeader(status)
			w.WriteHeader(299) // is too late
			w.Write([]byte("body"))
		})}
		answers, err := p.serve(t.Context(), []httpRequest{{Method: http.MethodPut, URI: "/a%20b?q=1", Host: "example.com", Header: http.Header{"X-A": {"b"}}}})
		if passing(err) != wantAgain {
			t.Errorf("status %d: %v; tried again: want %t", status, err, wantAgain)
		}
		if !wantAgain && (err != nil || len(answers) != 1 || answers[0].Status != status || string(answers[0].Body) != "body" || answers[0].Header.Get("X-B") != "c") {
			t.Errorf("status %d: got %+v, %v", status, answers, err)
		}
	}
}

// How long to wait is the upstream's to say, within reason. What the gateway itself refuses
// is no try.
func TestReplayWaitsAsTheUpstreamAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
		for said, want := range map[string]time.Duration{
			"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "301": mostAsked, "18446744073709551615": mostAsked,
			in(9 * time.Second): 9 * time.Second, in(-time.Second): 0, in(time.Hour): mostAsked,
		} {
			p := replay{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", said)
				w.WriteHeader(http.StatusServiceUnavailable)
			})}
			_, err := p.one(t.Context(), httpRequest{Method: "GET", URI: "/"})
			var retry *natsbatch.RetryError
			if !errors.As(err, &retry) || retry.After != want || retry.Uncounted {
				t.Errorf("%q: %#v, want %v", said, err, want)
			}
		}
	})
}

func TestReplayThatTheGatewayRefuses(t *testing.T) {
	own := errors.New("no room")
	for _, c := range []struct {
		status    int
		batches   []*gateway.Batch
		err       error
		uncounted bool
	}{
		{429, nil, own, true}, {503, nil, own, true}, {502, nil, own, false}, {504, nil, own, false},
		{429, []*gateway.Batch{{}}, own, false}, {503, nil, nil, false},
	} {
		p := replay{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(c.status)
			Served(r, gateway.Served{Status: c.status, Batches: c.batches, Err: c.err})
		})}
		_, err := p.one(t.Context(), httpRequest{Method: "GET", URI: "/"})
		var retry *natsbatch.RetryError
		if !errors.As(err, &retry) || retry.Uncounted != c.uncounted || c.uncounted && retry.After != ownPause {
			t.Errorf("%+v: %#v", c, err)
		}
	}
	Served(httptest.NewRequest(http.MethodGet, "/", nil), gateway.Served{Status: 429, Err: own}) // somebody waits for this one
}

func TestReplayOfAnAnswerThatSaysNothing(t *testing.T) {
	answers, err := replay{http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}.serve(t.Context(), []httpRequest{{Method: "GET", URI: "/"}})
	if err != nil || answers[0].Status != http.StatusOK {
		t.Errorf("got %+v, %v", answers, err)
	}
}

// A handler that cannot send its answer to the end panics with a value of net/http.
func TestReplayOfAnAnswerThatBreaksOff(t *testing.T) {
	p := replay{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("half"))
		panic(http.ErrAbortHandler)
	})}
	if _, err := p.serve(t.Context(), []httpRequest{{Method: "GET", URI: "/"}}); !passing(err) || !strings.Contains(err.Error(), "broke off") {
		t.Errorf("got %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("another panic is swallowed")
		}
	}()
	replay{http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("bug") })}.serve(t.Context(), []httpRequest{{Method: "GET", URI: "/"}})
}

// Nor is an answer whole that an upstream breaks off.
func TestReplayOfAnUpstreamThatBreaksOff(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("half"))
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(up.Close)
	next, err := gateway.NewHTTP(up.URL, gateway.HTTPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := (replay{next}).serve(t.Context(), []httpRequest{{Method: "GET", URI: "/", Header: make(http.Header)}}); !passing(err) {
		t.Errorf("got %+v, %v, want to try again", a, err)
	}
}

// Targets are those that net/http would have served.
func TestReplayOfTargets(t *testing.T) {
	for target, want := range map[string]string{"//x/admin": "//x/admin", "/a#b": "/a#b", "/a%2Fb?q#r": "/a/b", "http://h/c": "/c"} {
		var r *http.Request
		next := http.HandlerFunc(func(_ http.ResponseWriter, got *http.Request) { r = got })
		if _, err := (replay{next}).serve(t.Context(), []httpRequest{{Method: "GET", URI: target}}); err != nil || r.URL.Path != want || r.RequestURI != target {
			t.Errorf("%s: %v, served at %q", target, err, r.URL.Path)
		}
	}
}

// What is cut off by a shutdown is no answer.
func TestReplayThatIsCutOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		w.WriteHeader(499)
	})
	if a, err := (replay{next}).serve(ctx, []httpRequest{{Method: "GET", URI: "/"}}); !passing(err) {
		t.Errorf("got %+v, %v, want to try again", a, err)
	}
}

func TestReplayOfNoRequest(t *testing.T) {
	answers, err := replay{http.NotFoundHandler()}.serve(t.Context(), []httpRequest{{Method: "a b", URI: "/"}})
	if err != nil || answers[0].Status != http.StatusBadRequest {
		t.Errorf("got %+v, %v", answers, err)
	}
}

// An answer without an end must not be kept for ever, nor asked for again.
func TestReplayOfAnAnswerWithoutEnd(t *testing.T) {
	p := replay{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for part := make([]byte, 64<<10); ; {
			if _, err := w.Write(part); err != nil {
				panic(http.ErrAbortHandler)
			}
			if r, ok := w.(*recorder); ok && r.body.Len() > 2*mostBody {
				t.Error("it is kept")
				return
			}
		}
	})}
	answers, err := p.serve(t.Context(), []httpRequest{{Method: http.MethodGet, URI: "/"}})
	if err != nil || len(answers) != 1 || answers[0].Status != http.StatusBadGateway || !strings.Contains(string(answers[0].Body), "longer than 700 KiB") {
		t.Errorf("got %+v, %v", answers, err)
	}
}

// A header and a query may hold what is no UTF-8.
func TestRequestsPassTheQueueAsTheyAre(t *testing.T) {
	req := httpRequest{Method: "POST", URI: "/a?q=caf\xe9", Host: "h", Header: http.Header{"X-A": {"caf\xe9", "caf\u00e9", ""}}, Body: []byte("\xff")}
	answer := httpAnswer{Status: 200, Header: http.Header{"X-B": {"\xe8"}, "Content-Type": {}}, Body: []byte{0}}
	var gotReq httpRequest
	var gotAnswer httpAnswer
	for _, pair := range [][2]any{{req, &gotReq}, {answer, &gotAnswer}} {
		text, err := json.Marshal(pair[0])
		if err == nil {
			err = json.Unmarshal(text, pair[1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(gotReq, req) || !reflect.DeepEqual(gotAnswer, answer) {
		t.Errorf("got %+v and %+v, want %+v and %+v", gotReq, gotAnswer, req, answer)
	}
}

package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/gateway"
)

func TestCallsShareABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upper{}
		h := newHandler(t, gateway.Route{Upstream: u, Delay: time.Second}, gateway.Options{})
		go func() { wantAnswer(t, post(h, "a,b"), 200, "A,B") }()
		synctest.Wait()
		wantAnswer(t, post(h, "c"), 200, "C")
		synctest.Wait()
		if got := u.seen(); !slices.Equal(got, []string{"a,b,c"}) {
			t.Errorf("upstream got %q", got)
		}
		if u.keys[0].ContentType != "text/words" || u.keys[0].Path != "/words" || u.keys[0].Method != http.MethodPost {
			t.Errorf("key %+v", u.keys[0])
		}
	})
}

func TestServerTimingExplains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upper{send: func(_ context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
			time.Sleep(20 * time.Millisecond)
			a := shout(body)
			a.Header.Set("Server-Timing", "db;dur=3")
			if string(body) == "bad" {
				a.Status = http.StatusBadRequest
			}
			return a, nil
		}}
		h := newHandler(t, gateway.Route{Upstream: u, Delay: 10 * time.Millisecond, MaxItems: 2}, gateway.Options{})
		for body, want := range map[string]string{
			"a":     `^queue;dur=10\.000, upstream;dur=20\.000, batch;desc="id=\w+-\d+ size=1 trigger=delay"$`,
			"bad":   `^queue;dur=10\.000, upstream;dur=20\.000, batch;desc="id=\w+-\d+ size=1 trigger=delay"$`,
			"a,b":   `^queue;dur=0\.000, upstream;dur=20\.000, batch;desc="id=\w+-\d+ size=2 trigger=size"$`,
			"a,b,c": `^queue;dur=20\.000, upstream;dur=20\.000, batch;desc="id=\w+-\d+ size=2 trigger=size", batch;desc="id=\w+-\d+ size=1 trigger=delay"$`,
			"?":     `^queue;dur=0\.000$`,
		} {
			got := post(h, body).Header()["Server-Timing"]
			if len(got) == 0 || !regexp.MustCompile(want).MatchString(got[len(got)-1]) {
				t.Errorf("%s: %q, want %s", body, got, want)
			}
			if body != "?" && got[0] != "db;dur=3" {
				t.Errorf("%s: %q lost what the upstream said", body, got)
			}
		}
	})
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	u := &upper{}
	h := newHandler(t, gateway.Route{Upstream: u}, gateway.Options{})
	wantAnswer(t, post(h, "?"), 400, `{"error":{"type":"gateway","message":"what?","reason":"what?"},"status":400}`)
	wantAnswer(t, post(h, "teapot"), 418, "short and stout")
	wantAnswer(t, post(h, ""), 404, "nothing here")
	if n := len(u.seen()); n != 0 {
		t.Errorf("%d upstream calls", n)
	}
}

func TestProtocolThatFailsHarmsItsBatchAlone(t *testing.T) {
	for _, test := range []struct {
		name   string
		p      words
		status int
		text   string
	}{
		{"join", words{join: func([]gateway.Item) ([]byte, error) { return nil, errTest }}, 500, "cannot be joined: test"},
		{"join panics", words{join: func([]gateway.Item) ([]byte, error) { panic("oops") }}, 500, "panicked"},
		{"split", words{split: func([]gateway.Item, gateway.Answer) ([]gateway.Result, error) { return nil, errTest }}, 502, "does not fit the batch: test"},
		{"split short", words{split: func([]gateway.Item, gateway.Answer) ([]gateway.Result, error) { return nil, nil }}, 502, "0 results for 2 items"},
		{"reply", words{reply: func([]gateway.Result) (gateway.Reply, error) { return gateway.Reply{}, errTest }}, 502, "cannot be put together: test"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHandler(t, gateway.Route{Protocol: test.p, Upstream: &upper{}}, gateway.Options{})
			wantAnswer(t, post(h, "a,b"), test.status, test.text)
			wantAnswer(t, post(h, "a,b"), test.status, "")
		})
	}
}

func TestErrorsOfTheUpstream(t *testing.T) {
	for _, test := range []struct {
		err    error
		status int
	}{
		{errTest, 502},
		{fmt.Errorf("dial: %w", context.DeadlineExceeded), 504},
		{gateway.Errorf(507, "full up"), 507},
		{batcher.ErrClosed, 503},
		{context.Canceled, 502},
	} {
		u := &upper{send: func(context.Context, gateway.Key, []byte) (gateway.Answer, error) { return gateway.Answer{}, test.err }}
		h := newHandler(t, gateway.Route{Upstream: u}, gateway.Options{})
		if got := post(h, "a"); got.Code != test.status {
			t.Errorf("%v: status %d, %q; want %d", test.err, got.Code, got.Body, test.status)
		}
	}
}

func TestTimeoutIs504(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upper{send: func(ctx context.Context, _ gateway.Key, _ []byte) (gateway.Answer, error) {
			<-ctx.Done()
			return gateway.Answer{}, ctx.Err()
		}}
		h := newHandler(t, gateway.Route{Upstream: u, Timeout: time.Second}, gateway.Options{})
		start := time.Now()
		wantAnswer(t, post(h, "a"), 504, "no answer in time")
		if took := time.Since(start); took != time.Second {
			t.Errorf("after %v", took)
		}
		synctest.Wait() // the upstream call has ended too
	})
}

// trickle is a body of which a byte comes now and then.
type trickle struct {
	every time.Duration
	then  func() error // called with each byte; may be nil
}

func (r trickle) Read(p []byte) (int, error) {
	time.Sleep(r.every)
	if r.then != nil {
		if err := r.then(); err != nil {
			return 0, err
		}
	}
	return copy(p, "a"), nil
}

// A body that comes too slowly does not hold its place longer than the route's
// timeout, but for the time until its next byte.
func TestTimeoutOfABody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandler(t, gateway.Route{Upstream: &upper{}, Timeout: time.Second}, gateway.Options{})
		for _, length := range []int64{100, -1} {
			r := httptest.NewRequest(http.MethodPost, "/", trickle{every: 300 * time.Millisecond})
			r.ContentLength = length
			start := time.Now()
			got := serve(h, r)
			wantAnswer(t, got, 504, "no answer in time")
			if took := time.Since(start); took != 1200*time.Millisecond {
				t.Errorf("length %d: after %v", length, took)
			}
			if got.Header().Get("Connection") != "close" {
				t.Errorf("length %d: net/http waits for the rest of the body first", length)
			}
		}
	})
}

// The part of the upstream's header that reaches each caller of a batch.
func TestUpstreamsHeaderReachesCallers(t *testing.T) {
	u := &upper{send: func(_ context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
		a := shout(body)
		a.Header = http.Header{
			"Content-Type": {"text/loud"}, "X-Elastic-Product": {"Elasticsearch"}, "Link": {"1", "2"},
			"Warning":        {`299 Elasticsearch-9.1.0 "Index [.theirs] name begins with a dot (.)"`},
			"Ce-Specversion": {"0.3"}, "Ce-Id": {"batch"}, "Ce-Requestid": {"batch"}, "Cell": {"1"},
			"Set-Cookie": {"a=b"}, "Etag": {"x"}, "Content-Length": {"999"}, "Connection": {"close, X-Hop"}, "X-Hop": {"1"}, "Transfer-Encoding": {"chunked"},
		}
		return a, nil
	}}
	h := newHandler(t, gateway.Route{Upstream: u}, gateway.Options{})
	got := post(h, "abc").Header()
	got.Del("Server-Timing")
	want := http.Header{"Content-Type": {"text/loud"}, "X-Elastic-Product": {"Elasticsearch"}, "Link": {"1", "2"}, "Cell": {"1"}, "Content-Length": {"3"}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A handler in front of the gateway may set a header to what a caller sent: a line
// break in it begins no other header. No transport sends what takes its place.
func TestLineBreakInAHeaderBeginsNoOther(t *testing.T) {
	u := &upper{}
	h := newHandler(t, gateway.Route{Upstream: u, Headers: []string{"X-User"}}, gateway.Options{})
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("a"))
	r.Header.Set("X-User", "bob\nAuthorization:Bearer admin")
	serve(h, r)
	if got, want := fmt.Sprint(u.keys[0].Header()), fmt.Sprint(http.Header{"X-User": {"bob\x00Authorization:Bearer admin"}}); got != want {
		t.Errorf("the upstream got %q, want %q", got, want)
	}
	sends := newHTTP(t, "", gateway.HTTPOptions{}, told)
	r.Body = io.NopCloser(strings.NewReader("a"))
	wantAnswer(t, serve(newHandler(t, gateway.Route{Upstream: sends, Headers: []string{"X-User"}}, gateway.Options{}), r), 502, "invalid header field")
}

// Which of a caller's headers reach the upstream.
func TestHeadersThatMatterReachTheUpstream(t *testing.T) {
	u := &upper{}
	h := newHandler(t, gateway.Route{Upstream: u, Headers: []string{"x-tenant"}}, gateway.Options{})
	r := httptest.NewRequest(http.MethodPost, "/a%2Fb?x=%20&y", strings.NewReader("a"))
	r.Header = http.Header{"Authorization": {"Bearer x:y"}, "X-Tenant": {"1", "2"}, "User-Agent": {"curl"}}
	wantAnswer(t, serve(h, r), 200, "A")
	key := u.keys[0]
	want := http.Header{"Authorization": {"Bearer x:y"}, "X-Tenant": {"1", "2"}}
	if fmt.Sprint(key.Header()) != fmt.Sprint(want) || key.Path != "/a%2Fb" || key.Query != "x=%20&y" {
		t.Errorf("header %v, want %v; key %+v", key.Header(), want, key)
	}
}

func TestWeightLimitsABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upper{}
		h := newHandler(t, gateway.Route{Upstream: u, MaxWeight: 6, Delay: time.Second}, gateway.Options{})
		wantAnswer(t, post(h, "aaa,bbb,cccc,dd,e"), 200, "AAA,BBB,CCCC,DD,E")
		if got := u.seen(); !slices.Equal(got, []string{"aaa,bbb", "cccc,dd", "e"}) {
			t.Errorf("upstream got %q", got)
		}
		wantAnswer(t, post(h, "a,bbbbbbb"), 413, "over the limits")
	})
}

func TestOneFailedBatchFailsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upper{send: func(_ context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
			a := shout(body)
			if strings.Contains(string(body), "bad") {
				a.Status, a.Body = 409, []byte("no")
			}
			return a, nil
		}}
		h := newHandler(t, gateway.Route{Upstream: u, MaxItems: 2, Delay: time.Second}, gateway.Options{})
		wantAnswer(t, post(h, "a,b,bad,c"), 409, "no")
		wantAnswer(t, post(h, "a,b"), 200, "A,B")
	})
}

// Batches that the upstream finds too large are halved on every route.
func TestTooLargeIsHalved(t *testing.T) {
	u := &upper{send: func(_ context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
		a := shout(body)
		if len(body) > 4 {
			a.Status = http.StatusRequestEntityTooLarge
		}
		return a, nil
	}}
	h := newHandler(t, gateway.Route{Upstream: u, MinItems: 5, Delay: time.Minute}, gateway.Options{})
	var callers sync.WaitGroup
	for _, word := range []string{"a", "b", "c,d", "e"} {
		callers.Go(func() { wantAnswer(t, post(h, word), 200, strings.ToUpper(word)) })
	}
	callers.Wait()
	wantAnswer(t, post(h, "what,is,too,long,alone"), 413, "")
	if n := len(u.seen()); n < 3 || n > 8 {
		t.Errorf("%d upstream calls", n)
	}
}

// refusing is words that reads refusals.
type refusing struct{ words }

func (refusing) Refuse(_ gateway.Key, items []gateway.Item, a gateway.Answer, e *gateway.Error) []gateway.Result {
	if a.Status == 409 {
		return make([]gateway.Result, len(items))
	}
	e.Undone, e.Body = a.Status == 400, []byte("refused")
	return nil
}

func TestProtocolMayReadRefusals(t *testing.T) {
	status := 0
	u := &upper{send: func(_ context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
		a := shout(body)
		if strings.Contains(string(body), "bad") {
			a.Status = status
		}
		return a, nil
	}}
	h := newHandler(t, gateway.Route{Protocol: refusing{}, Upstream: u, MinItems: 2, Delay: time.Minute}, gateway.Options{})
	status = 409
	wantAnswer(t, post(h, "a,bad"), 200, ",")
	status = 400
	wantAnswer(t, post(h, "a,bad"), 400, "refused") // alone, so it is not sent in parts
	if got := u.seen(); !slices.Equal(got[1:], []string{"a,bad"}) {
		t.Errorf("upstream got %q", got)
	}
	var other sync.WaitGroup
	other.Go(func() { wantAnswer(t, post(h, "a"), 200, "A") })
	wantAnswer(t, post(h, "bad"), 400, "refused")
	other.Wait()
	if got := u.seen()[3:]; len(got) != 2 || !slices.Contains(got, "a") || !slices.Contains(got, "bad") {
		t.Errorf("upstream got %q", got)
	}
	status = 403
	wantAnswer(t, post(h, "a,bad"), 403, "refused")
	if n := len(u.seen()); n != 6 {
		t.Errorf("%d upstream calls, want one more than 5", n)
	}
}

func TestPendingBytesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandler(t, gateway.Route{Upstream: &upper{}, Delay: time.Second, MaxBody: 10, MaxPendingBytes: 15}, gateway.Options{})
		go func() { wantAnswer(t, post(h, strings.Repeat("a", 8)), 200, "AAAAAAAA") }()
		synctest.Wait()
		got := post(h, strings.Repeat("b", 8))
		wantAnswer(t, got, 429, "too many bytes")
		if got.Header().Get("Retry-After") != "1" {
			t.Errorf("header %v", got.Header())
		}
		unknown := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("b"))
		unknown.ContentLength = -1
		wantAnswer(t, serve(h, unknown), 429, "too many bytes")
		time.Sleep(time.Second)
		synctest.Wait()
		unknown = httptest.NewRequest(http.MethodPost, "/", strings.NewReader("b"))
		unknown.ContentLength = -1
		wantAnswer(t, serve(h, unknown), 200, "B")
		wantAnswer(t, post(h, strings.Repeat("b", 8)), 200, "BBBBBBBB")
	})
}

// A body that finds no room even when nothing else waits is refused for good, and
// keeps none.
func TestBodyThatTakesMoreThanMayWait(t *testing.T) {
	h := newHandler(t, gateway.Route{Upstream: &upper{}, MaxBody: 1000, MaxPendingBytes: 1000}, gateway.Options{})
	r := httptest.NewRequest(http.MethodPost, "/", zipped(strings.Repeat("a", 990)))
	r.Header.Set("Content-Encoding", "gzip")
	wantAnswer(t, serve(h, r), 413, "more than the 1000 bytes that may wait")
	wantAnswer(t, post(h, strings.Repeat("a", 1000)), 200, "AAA")
}

func TestCallOfMoreItemsThanMayWait(t *testing.T) {
	h := newHandler(t, gateway.Route{Upstream: &upper{}, MaxItems: 2, MaxPending: 3}, gateway.Options{})
	wantAnswer(t, post(h, "a,b,c,d"), 413, "4 items")
	wantAnswer(t, post(h, "a,b,c"), 200, "A,B,C")
}

func TestWrapGoesAroundEveryBatch(t *testing.T) {
	wrapped := ""
	h := newHandler(t, gateway.Route{Upstream: &upper{}, Wrap: func(fn batcher.Func[gateway.Item, gateway.Outcome]) batcher.Func[gateway.Item, gateway.Outcome] {
		return func(ctx context.Context, items []gateway.Item) ([]gateway.Outcome, error) {
			key, ok := gateway.KeyFromContext(ctx)
			info, _ := batcher.FromContext(ctx)
			wrapped = fmt.Sprint(key.Path, ok, len(items), info.Size, info.Weight, len(info.Requests))
			return fn(ctx, items)
		}
	}}, gateway.Options{})
	wantAnswer(t, post(h, "a,b"), 200, "A,B")
	if wrapped != "/wordstrue 2 2 2 2" {
		t.Errorf("wrapped %q", wrapped)
	}
	if _, ok := gateway.KeyFromContext(context.Background()); ok {
		t.Error("a key out of nowhere")
	}
}

func TestErrorIsData(t *testing.T) {
	var e *gateway.Error
	if err := fmt.Errorf("x: %w", gateway.Errorf(418, "tea %d", 1)); !errors.As(err, &e) || e.Error() != "gateway: status 418: tea 1" {
		t.Errorf("got %v", err)
	}
}

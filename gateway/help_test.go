package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// words is a protocol for tests: a POST of words with commas between them is
// answered with as many. A word weighs its length. "" is no call, "?" cannot be
// read.
type words struct {
	join  func(items []gateway.Item) ([]byte, error)
	split func(items []gateway.Item, answer gateway.Answer) ([]gateway.Result, error)
	reply func(results []gateway.Result) (gateway.Reply, error)
}

func (words) Match(r *http.Request) bool { return r.Method == http.MethodPost }

func (words) Read(_ *http.Request, body []byte, _ int) (*gateway.Call, error) {
	switch string(body) {
	case "":
		return &gateway.Call{}, nil
	case "?":
		return nil, errors.New("what?")
	case "teapot":
		return nil, gateway.Errorf(http.StatusTeapot, "short and stout")
	}
	c := &gateway.Call{ContentType: "text/words"}
	for word := range strings.SplitSeq(string(body), ",") {
		c.Items = append(c.Items, gateway.Item{Data: []byte(word), Weight: len(word)})
	}
	return c, nil
}

func (p words) Join(_ gateway.Key, items []gateway.Item) ([]byte, error) {
	if p.join != nil {
		return p.join(items)
	}
	return []byte(listOf(items)), nil
}

func listOf(items []gateway.Item) string {
	all := make([]string, len(items))
	for i, item := range items {
		all[i] = string(item.Data)
	}
	return strings.Join(all, ",")
}

func (p words) Split(_ gateway.Key, items []gateway.Item, answer gateway.Answer) ([]gateway.Result, error) {
	if p.split != nil {
		return p.split(items, answer)
	}
	var results []gateway.Result
	for word := range strings.SplitSeq(string(answer.Body), ",") {
		results = append(results, gateway.Result{Body: []byte(word)})
	}
	return results, nil
}

func (p words) Reply(_ *gateway.Call, results []gateway.Result) (gateway.Reply, error) {
	if p.reply != nil {
		return p.reply(results)
	}
	all := make([]string, len(results))
	for i, result := range results {
		all[i] = string(result.Body)
	}
	return gateway.Reply{Body: []byte(strings.Join(all, ","))}, nil
}

// upper is an upstream for tests, which answers words in capitals unless it is
// told otherwise.
type upper struct {
	send func(ctx context.Context, key gateway.Key, body []byte) (gateway.Answer, error)

	mu     sync.Mutex
	bodies []string
	keys   []gateway.Key
	closed int
}

func (u *upper) Send(ctx context.Context, key gateway.Key, body []byte) (gateway.Answer, error) {
	u.mu.Lock()
	u.bodies, u.keys = append(u.bodies, string(body)), append(u.keys, key)
	u.mu.Unlock()
	if u.send != nil {
		return u.send(ctx, key, body)
	}
	return shout(body), nil
}

func shout(body []byte) gateway.Answer {
	return gateway.Answer{Status: http.StatusOK, Header: http.Header{"X-Upper": {"yes"}}, Body: []byte(strings.ToUpper(string(body)))}
}

func (u *upper) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed++
	return nil
}

func (u *upper) seen() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.bodies
}

// newHandler makes a Handler of one route.
func newHandler(t *testing.T, r gateway.Route, opts gateway.Options) *gateway.Handler {
	t.Helper()
	if r.Pattern == "" {
		r.Pattern = "/"
	}
	if r.Protocol == nil {
		r.Protocol = words{}
	}
	h, err := gateway.New([]gateway.Route{r}, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Shutdown(context.Background()) })
	return h
}

// post makes a call of words.
func post(h http.Handler, body string) *httptest.ResponseRecorder {
	return serve(h, httptest.NewRequest(http.MethodPost, "/words", strings.NewReader(body)))
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// wantAnswer checks an answer.
func wantAnswer(t *testing.T, got *httptest.ResponseRecorder, status int, part string) {
	t.Helper()
	if got.Code != status || !strings.Contains(got.Body.String(), part) {
		t.Errorf("status %d, %q; want %d with %q", got.Code, got.Body, status, part)
	}
}

var errTest = fmt.Errorf("test")

// until waits for a condition that another goroutine brings about.
func until(t *testing.T, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come to pass")
		}
	}
}

package gateway_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

func TestUpstreamsStatusReachesCallers(t *testing.T) {
	for _, status := range []int{200, 201, 202, 203, 207} {
		u := &upper{send: func(_ context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
			a := shout(body)
			a.Status = status
			return a, nil
		}}
		wantAnswer(t, post(newHandler(t, gateway.Route{Upstream: u}, gateway.Options{}), "a,b"), status, "A,B")
	}
	u := badWords(http.StatusConflict) // which refusing reads as results
	wantAnswer(t, post(newHandler(t, gateway.Route{Protocol: refusing{}, Upstream: u}, gateway.Options{}), "bad"), 200, "")
}

// A call in several batches keeps its results though the first had none.
func TestNoContentInTheFirstBatchAlone(t *testing.T) {
	u := &upper{send: func(_ context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
		if !strings.Contains(string(body), `"id"`) {
			return gateway.Answer{Status: http.StatusNoContent}, nil
		}
		return gateway.Answer{Status: http.StatusOK, Body: []byte(`{"jsonrpc":"2.0","id":1,"result":7}`)}, nil
	}}
	server := httptest.NewServer(newHandler(t, gateway.Route{Protocol: gateway.JSONRPC{}, Upstream: u, MaxItems: 1}, gateway.Options{}))
	defer server.Close()
	answer, err := http.Post(server.URL, "", strings.NewReader(`[{"jsonrpc":"2.0","method":"n"},{"jsonrpc":"2.0","method":"m","id":"a"}]`))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if want := `[{"jsonrpc":"2.0","id":"a","result":7}]`; answer.StatusCode != http.StatusOK || string(body) != want {
		t.Errorf("got %d %q, want 200 %q", answer.StatusCode, body, want)
	}
}

// Where an upstream names no type, nobody guesses one.
func TestNoTypeIsGuessed(t *testing.T) {
	for _, status := range []int{200, 422} {
		u := &upper{send: func(context.Context, gateway.Key, []byte) (gateway.Answer, error) {
			return gateway.Answer{Status: status, Body: []byte("<html>")}, nil
		}}
		server := httptest.NewServer(newHandler(t, gateway.Route{Upstream: u}, gateway.Options{}))
		defer server.Close()
		answer, err := http.Post(server.URL, "", strings.NewReader("a"))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != status || string(body) != "<html>" || answer.Header["Content-Type"] != nil {
			t.Errorf("got %d %q with %v", answer.StatusCode, body, answer.Header)
		}
	}
}

// An item that is over the limits fails its call before any other is sent.
func TestItemOverTheLimitsFailsItsCallAtOnce(t *testing.T) {
	u := &upper{}
	h := newHandler(t, gateway.Route{Upstream: u, MaxWeight: 6, MaxBatchBytes: 10}, gateway.Options{})
	for _, words := range []string{"a,bbbbbbb", "a,b,cccccccccccc", "aaaaaaa"} {
		wantAnswer(t, post(h, words), 413, "over the limits")
	}
	if got := u.seen(); len(got) > 0 {
		t.Errorf("the upstream got %q", got)
	}
	wantAnswer(t, post(h, "a,bbbbbb"), 200, "A,BBBBBB") // that is just within them
}

// A body in a coding that the gateway does not know may be no call.
func TestUnknownCodingsArePassedThrough(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x"))
	r.Header.Set("Content-Encoding", "br")
	wantAnswer(t, serve(newHandler(t, gateway.Route{Upstream: &passing{}}, gateway.Options{}), r), 202, "passed POST / x")
}

// What waits to be passed through takes room until it is.
func TestWhatIsPassedThroughTakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowly{}
		h := newHandler(t, gateway.Route{Protocol: nothing{}, Upstream: slow, MaxBody: 10, MaxPendingBytes: 15}, gateway.Options{})
		go func() { wantAnswer(t, post(h, strings.Repeat("a", 8)), 202, "aaaaaaaa") }()
		synctest.Wait()
		wantAnswer(t, post(h, strings.Repeat("b", 8)), 429, "too many bytes")
		time.Sleep(2 * time.Second)
		wantAnswer(t, post(h, strings.Repeat("c", 8)), 202, "cccccccc")
	})
}

// slowly is an upstream that takes its time with what is passed through.
type slowly struct{ passing }

func (u *slowly) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	time.Sleep(time.Second)
	u.passing.ServeHTTP(w, r)
}

// nothing is words that takes no call for its own.
type nothing struct{ words }

func (nothing) Read(*http.Request, []byte, int) (*gateway.Call, error) {
	return nil, gateway.ErrNotMine
}

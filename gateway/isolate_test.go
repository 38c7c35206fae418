package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// badWords refuses what holds "bad" with this status.
func badWords(status int) *upper {
	return &upper{send: func(_ context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
		if strings.Contains(string(body), "bad") {
			return gateway.Answer{Status: status, Body: body}, nil
		}
		return shout(body), nil
	}}
}

// However many callers are to blame, each gets its own refusal, and no other
// caller gets one.
func TestEachCulpritIsFound(t *testing.T) {
	const n = 64
	for name, isBad := range map[string]func(int) bool{
		"one":   func(i int) bool { return i == 17 },
		"two":   func(i int) bool { return i == 3 || i == 40 },
		"half":  func(i int) bool { return i%2 == 0 },
		"all":   func(int) bool { return true },
		"ranks": func(i int) bool { return i >= 10 && i < 30 },
	} {
		t.Run(name, func(t *testing.T) {
			u := badWords(http.StatusUnprocessableEntity)
			h := newHandler(t, gateway.Route{Upstream: u, Isolate: true, MinItems: n, Delay: time.Minute}, gateway.Options{})
			var callers sync.WaitGroup
			for i := range n {
				word, status, want := fmt.Sprint("w", i), http.StatusOK, fmt.Sprint("W", i)
				if isBad(i) {
					word = fmt.Sprint("bad", i)
					status, want = http.StatusUnprocessableEntity, word
				}
				callers.Go(func() {
					if got := post(h, word); got.Code != status || got.Body.String() != want {
						t.Errorf("%s: status %d, %q; want %d, %q", word, got.Code, got.Body, status, want)
					}
				})
			}
			callers.Wait()
			if calls := len(u.seen()); calls > 2*n-1 {
				t.Errorf("%d upstream calls for %d", calls, n)
			}
		})
	}
}

// What a caller asks for at once is sent, or sent again, as a whole: nothing of it
// is done if it is refused.
func TestCallsAreSentAgainWhole(t *testing.T) {
	for _, status := range []int{http.StatusRequestEntityTooLarge, http.StatusBadRequest} {
		u := badWords(status)
		h := newHandler(t, gateway.Route{Upstream: u, Isolate: true, MinItems: 6, Delay: time.Minute}, gateway.Options{})
		var callers sync.WaitGroup
		callers.Go(func() { wantAnswer(t, post(h, "a1,bad,a2"), status, "a1,bad,a2") })
		callers.Go(func() { wantAnswer(t, post(h, "b1,b2,b3"), 200, "B1,B2,B3") })
		callers.Wait()
		if got := u.seen(); len(got) != 3 || !slices.Contains(got, "a1,bad,a2") || !slices.Contains(got, "b1,b2,b3") {
			t.Errorf("status %d: the upstream got %q", status, got)
		}
		wantAnswer(t, post(h, "bad,2,3,4,5,6"), status, "bad,2,3,4,5,6") // it has all of its batch
		if got := u.seen(); len(got) != 4 {
			t.Errorf("status %d: the upstream got %q", status, got)
		}
	}
}

// A caller that leaves while a batch is refused is left out when it is sent again.
func TestWhoHasLeftIsNotSentAgain(t *testing.T) {
	for name, leavers := range map[string][]string{"one": {"x"}, "all": {"x", "y", "z"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &upper{send: func(_ context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
					a := shout(body)
					if len(body) > 3 {
						time.Sleep(2 * time.Second)
						a.Status = http.StatusRequestEntityTooLarge
					}
					return a, nil
				}}
				h := newHandler(t, gateway.Route{Upstream: u, MinItems: 3, Delay: time.Minute}, gateway.Options{})
				ctx, leave := context.WithTimeout(t.Context(), time.Second)
				defer leave()
				for _, word := range []string{"x", "y", "z"} {
					go func() {
						r := httptest.NewRequest(http.MethodPost, "/words", strings.NewReader(word))
						if slices.Contains(leavers, word) {
							serve(h, r.WithContext(ctx))
							return
						}
						wantAnswer(t, serve(h, r), 200, strings.ToUpper(word))
					}()
				}
				time.Sleep(time.Hour)
				for _, body := range u.seen()[1:] {
					for _, word := range leavers {
						if strings.Contains(body, word) {
							t.Errorf("%s has left, and is in %q", word, body)
						}
					}
				}
			})
		})
	}
}

// A part of a batch that nobody waits for any more keeps nobody else waiting.
func TestPartsEndWithTheirCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upper{send: func(ctx context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
			switch text := string(body); {
			case len(text) > 3:
				return gateway.Answer{Status: http.StatusBadRequest}, nil
			case strings.Contains(text, "x"):
				<-ctx.Done()
				return gateway.Answer{}, ctx.Err()
			}
			return shout(body), nil
		}}
		h := newHandler(t, gateway.Route{Upstream: u, Isolate: true, MinItems: 4, Delay: time.Minute}, gateway.Options{})
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		var callers sync.WaitGroup
		for _, word := range []string{"x", "y", "a", "b"} {
			callers.Go(func() {
				r := httptest.NewRequest(http.MethodPost, "/words", strings.NewReader(word))
				if word < "x" {
					wantAnswer(t, serve(h, r), 200, strings.ToUpper(word))
					return
				}
				serve(h, r.WithContext(ctx))
			})
			synctest.Wait()
		}
		start := time.Now()
		callers.Wait()
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// A call that is not sent again any more does not get another's refusal.
func TestWhoIsLeftIsNotRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upper{send: func(ctx context.Context, _ gateway.Key, body []byte) (gateway.Answer, error) {
			if len(body) > 3 {
				return gateway.Answer{Status: http.StatusBadRequest}, nil
			}
			<-ctx.Done()
			return gateway.Answer{}, ctx.Err()
		}}
		h := newHandler(t, gateway.Route{Upstream: u, Isolate: true, MinItems: 4, Delay: time.Minute}, gateway.Options{})
		var callers sync.WaitGroup
		for _, word := range []string{"a", "b", "c", "d"} {
			callers.Go(func() { wantAnswer(t, post(h, word), http.StatusServiceUnavailable, "shutting down") })
		}
		synctest.Wait()
		ended, end := context.WithCancel(t.Context())
		end()
		_ = h.Shutdown(ended)
		callers.Wait()
		if got := u.seen(); len(got) != 2 {
			t.Errorf("the upstream got %q", got)
		}
	})
}

// Items of a Dispatcher that does not tell whose they are count as calls.
func TestItemsOfNobodyAreSentAgainOneByOne(t *testing.T) {
	u := badWords(http.StatusBadRequest)
	process, err := gateway.Route{Pattern: "/", Protocol: words{}, Upstream: u, Isolate: true}.Process(gateway.Observer{})
	if err != nil {
		t.Fatal(err)
	}
	outcomes, err := process(t.Context(), gateway.Key{}, []gateway.Item{{Data: []byte("a")}, {Data: []byte("bad")}, {Data: []byte("c")}})
	if len(outcomes) != 3 || string(outcomes[0].Result.Body) != "A" || string(outcomes[2].Result.Body) != "C" {
		t.Errorf("got %+v, %v", outcomes, err)
	}
	if got := u.seen(); !slices.Equal(got, []string{"a,bad,c", "a", "bad,c", "bad", "c"}) {
		t.Errorf("the upstream got %q", got)
	}
}

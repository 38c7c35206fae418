package serve

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/gateway"
)

// deadlines calls set when a read deadline is set, which is after a request has
// been found to need a token, and before its token is looked at.
type deadlines struct {
	*httptest.ResponseRecorder
	set func()
}

func (d deadlines) SetReadDeadline(time.Time) error {
	d.set()
	return nil
}

// A request that comes while tokens cease to be needed has one that counted when it
// came.
func TestTokensCeaseWhileARequestComes(t *testing.T) {
	fallback := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	handler, err := gateway.New(nil, gateway.Options{Fallback: fallback})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{first: config.Default(), files: &watched{}, swap: gateway.NewSwap(handler)}
	served := gateway.Observer{Served: func(*http.Request, gateway.Served) {}}
	with := func(tokens ...string) *parts {
		return &parts{config: config.Default(), tokens: tokens, observer: served}
	}
	s.use(with("one"))
	w := deadlines{httptest.NewRecorder(), func() { s.use(with()) }}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("a"))
	r.Header.Set("Authorization", "Bearer one")
	s.service().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Errorf("status %d, want 200", w.Code)
	}
	s.use(with("two"))
	for token, want := range map[string]int{"one": http.StatusUnauthorized, "two": http.StatusOK} {
		again := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		if s.service().ServeHTTP(again, r); again.Code != want {
			t.Errorf("%s gets %d, want %d", token, again.Code, want)
		}
	}
}

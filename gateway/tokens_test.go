package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gobatcher/batcher/gateway"
)

func TestTokens(t *testing.T) {
	var tokens gateway.Tokens
	h := tokens.Require(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	try := func(want int, authorization ...string) {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Authorization"] = authorization
		got := serve(h, r)
		if got.Code != want || (want == 401) != (got.Header().Get("WWW-Authenticate") == "Bearer") {
			t.Errorf("%q: status %d, %v; want %d", authorization, got.Code, got.Header(), want)
		}
	}
	try(401, "Bearer one")
	tokens.Set([]string{"one", "", "two"})
	try(204, "Bearer one")
	try(204, "bearer  two")
	for _, bad := range []string{"", "Bearer", "Bearer ", "Bearer three", "Bearer on", "Bearer onee", "Basic one", "one"} {
		try(401, bad)
	}
	try(401)
	try(401, "Bearer one", "Bearer two")
	tokens.Set([]string{"two"})
	try(401, "Bearer one")
	try(204, "Bearer two")
	tokens.Set(nil)
	try(401, "Bearer two")
}

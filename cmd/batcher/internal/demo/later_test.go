package demo

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// An answer that cannot be asked for is not one that did not come in time.
func TestCollectSaysWhy(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	if _, err := collect(t.Context(), gone.URL, 1); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got the error %v", err)
	}
}

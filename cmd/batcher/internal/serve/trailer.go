package serve

import (
	"context"
	"net/http"
)

// The trailers of a request get their values at the end of its body, in the map
// that it has had from the beginning. Tracing clones the request before that, so
// they would be lost: keeping puts the map into the context before the clone is
// made, and sharing hands it to the transport behind.

type keeping struct{ next http.RoundTripper }

type sharing struct{ next http.RoundTripper }

type trailerKey struct{}

func (k keeping) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Trailer != nil {
		r = r.WithContext(context.WithValue(r.Context(), trailerKey{}, r.Trailer))
	}
	return k.next.RoundTrip(r)
}

func (s sharing) RoundTrip(r *http.Request) (*http.Response, error) {
	if trailer, ok := r.Context().Value(trailerKey{}).(http.Header); ok {
		own := *r
		own.Trailer = trailer
		r = &own
	}
	return s.next.RoundTrip(r)
}

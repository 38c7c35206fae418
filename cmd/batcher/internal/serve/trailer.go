package serve

import (
	"context"
	"net/http"
)

// Trailers of a request get their values at the end of its body, in the map that
// it has had from the beginning. What traces requests copies that before, and so
// passes none on: sharing gives the transport behind it the map itself, by the
// context in which keeping has put it before the copy.

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

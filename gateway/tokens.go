package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync/atomic"
)

// Tokens lets in requests that bear one of a set of bearer tokens (RFC 6750). The
// set can be replaced at any time; the zero Tokens lets none in. It is safe for
// concurrent use.
type Tokens struct {
	// Observer is told of requests that are refused. It must not be changed
	// while requests come. Default: the zero Observer, which ignores them.
	Observer Observer

	sums atomic.Pointer[[][sha256.Size]byte]
}

// Set replaces the set. Empty tokens are left out.
func (t *Tokens) Set(tokens []string) {
	sums := make([][sha256.Size]byte, 0, len(tokens))
	for _, token := range tokens {
		if token != "" {
			sums = append(sums, sha256.Sum256([]byte(token)))
		}
	}
	t.sums.Store(&sums)
}

// Require serves requests that bear a known token with next, and answers others
// with status 401. The Authorization header stays: it divides batches and
// reaches the upstream unless HTTPOptions.Header replaces it.
func (t *Tokens) Require(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !t.known(r.Header["Authorization"]) {
			e := Errorf(http.StatusUnauthorized, "a bearer token is needed")
			e.Header = http.Header{"Www-Authenticate": {"Bearer"}}
			t.Observer.refused(w, r, "", e)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// known compares with every token, and takes the same time whichever it is. It
// compares sums, which have one length, so the length of a token does not show
// either.
func (t *Tokens) known(authorization []string) bool {
	sums := t.sums.Load()
	if sums == nil || len(authorization) != 1 {
		return false
	}
	scheme, token, _ := strings.Cut(authorization[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
	found := 0
	for _, known := range *sums {
		found |= subtle.ConstantTimeCompare(sum[:], known[:])
	}
	return found == 1
}

package durable

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/natsbatch"
)

// Handler accepts requests that are to be answered later: one with
// "Prefer: respond-async" (RFC 7240) and an Idempotency-Key gets status 202 and
// a Location once it is sure to outlive this process. A GET of that waits for
// the answer, as long as "Prefer: wait=SECONDS" says, and returns it unchanged.
// next serves all other requests. served is called for those that next does not see.
//
// The key counts together with what the request asks for: the same request sent
// once more gets the same Location, and does not run a second time.
func (l *Later) Handler(next http.Handler, served func(*http.Request, gateway.Served)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, ok := strings.CutPrefix(r.URL.Path, Prefix); ok {
			observe(served, w, r, func(w http.ResponseWriter) (int, error) { return 0, l.show(w, r, id) })
			return
		}
		if key := r.Header.Get("Idempotency-Key"); key != "" && prefers(r, "respond-async") {
			observe(served, w, r, func(w http.ResponseWriter) (int, error) { return l.accept(w, r, key) })
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Prefix is where the paths of answers begin.
const Prefix = "/.batcher/later/"

const (
	mostBody    = 700 << 10 // of a request or an answer: in JSON it must fit into a message
	mostBodies  = 256 << 20 // bytes of requests on their way into the queue
	defaultWait = 10 * time.Second
	mostWait    = time.Minute
)

// accept accepts a request. It returns the size of its body, and why it was not
// accepted.
func (l *Later) accept(w http.ResponseWriter, r *http.Request, key string) (in int, err error) {
	b := &arriving{ReadCloser: http.MaxBytesReader(w, r.Body, mostBody), bodies: &l.bodies, until: time.Now().Add(l.now.Load().longest)}
	defer b.give()
	body, err := io.ReadAll(b)
	if long := new(http.MaxBytesError); errors.As(err, &long) {
		say(w, http.StatusRequestEntityTooLarge, "a request that is to be answered later may have 700 KiB at most")
		return len(body), err
	}
	if err != nil {
		unread(w, err)
		return len(body), err
	}
	req := httpRequest{Method: r.Method, URI: r.RequestURI, Host: r.Host, Header: r.Header.Clone(), Body: body}
	for _, name := range []string{"Prefer", "Connection", "Content-Length", "Transfer-Encoding", "Expect", "Traceparent", "Tracestate"} {
		req.Header.Del(name)
	}
	id := l.idOf(req, key)
	if err := l.submit(r.Context(), req, id); err != nil {
		refuse(w, err)
		return len(body), err
	}
	w.Header().Set("Preference-Applied", "respond-async")
	pending(w, id)
	return len(body), nil
}

// submit puts a request into the queue, if there is room to run it.
func (l *Later) submit(ctx context.Context, req httpRequest, id string) error {
	leave, err := l.room.enter(ctx, req.size())
	if err != nil {
		return err
	}
	defer leave()
	_, err = l.client.Submit(ctx, req, natsbatch.Key(id))
	return err
}

// arriving is the body of a request on its way into the queue. What has come of it
// counts until give.
type arriving struct {
	io.ReadCloser
	bodies *atomic.Int64 // bytes of all of them
	held   int64         // of this one
	until  time.Time     // when it must be there: who sends a byte now and then would hold its place for ever
}

func (b *arriving) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.held += int64(n)
	switch {
	case b.bodies.Add(int64(n)) > mostBodies:
		return n, natsbatch.ErrFull
	case err == nil && time.Now().After(b.until):
		return n, gateway.Errorf(http.StatusRequestTimeout, "the body takes too long")
	}
	return n, err
}

func (b *arriving) give() { b.bodies.Add(-b.held) }

// unread answers a request whose body could not be read to its end: if the caller
// is still there, it must not take the request for accepted.
func unread(w http.ResponseWriter, err error) {
	if errors.Is(err, natsbatch.ErrFull) {
		refuse(w, err)
		return
	}
	if own := new(gateway.Error); errors.As(err, &own) {
		say(w, own.Status, own.Text)
		return
	}
	say(w, http.StatusBadRequest, "the body cannot be read")
}

// idOf returns the id of a request: a hash of its key and of all that tells it from
// others.
func (l *Later) idOf(req httpRequest, key string) string {
	sum := sha256.New()
	add := func(part string) {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		sum.Write(length[:])
		sum.Write([]byte(part))
	}
	for _, part := range []string{key, req.Method, req.Host, req.URI, string(req.Body)} {
		add(part)
	}
	for _, name := range l.now.Load().matters {
		add(strings.Join(req.Header.Values(name), "\n"))
	}
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil))
}

var ids = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// show waits for an answer and sends it. Its error says why there will be none.
func (l *Later) show(w http.ResponseWriter, r *http.Request, id string) error {
	if !ids.MatchString(id) {
		say(w, http.StatusNotFound, "no such answer")
		return nil
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		say(w, http.StatusMethodNotAllowed, "an answer can only be read")
		return nil
	}
	a, err := l.await(r, natsbatch.KeyHandle(id))
	switch {
	case errors.Is(err, natsbatch.ErrNoResult), errors.Is(err, context.DeadlineExceeded):
		pending(w, id)
		return nil
	case errors.Is(err, natsbatch.ErrDead):
		refuse(w, err)
		return natsbatch.ErrDead // alone: its reason may quote an answer
	case err != nil:
		refuse(w, err)
	default:
		maps.Copy(w.Header(), a.Header)
		w.Header().Del("Content-Length") // that of HEAD is of a body that nobody has
		w.WriteHeader(a.Status)
		_, _ = w.Write(a.Body) // an error means that the caller has left
	}
	return err
}

// await waits for an answer, as long as r says.
func (l *Later) await(r *http.Request, h natsbatch.Handle) (httpAnswer, error) {
	wait := waitOf(r)
	if wait == 0 {
		return l.client.Get(r.Context(), h)
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	return l.client.Wait(ctx, h)
}

// pending says that there is no answer yet, and where it will be.
func pending(w http.ResponseWriter, id string) {
	w.Header().Set("Location", Prefix+id)
	w.Header().Set("Retry-After", "1")
	say(w, http.StatusAccepted, "accepted; the answer will be at "+Prefix+id)
}

// refuse says why a request is not accepted, or why there is no answer.
func refuse(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, natsbatch.ErrFull):
		w.Header().Set("Retry-After", "1")
		say(w, http.StatusTooManyRequests, "too many requests are waiting")
	case errors.Is(err, natsbatch.ErrClosed):
		w.Header().Set("Retry-After", "1")
		say(w, http.StatusServiceUnavailable, "the gateway is shutting down")
	case errors.Is(err, natsbatch.ErrTooLarge):
		say(w, http.StatusRequestEntityTooLarge, "too large for the queue")
	case errors.Is(err, natsbatch.ErrDead):
		say(w, http.StatusBadGateway, "it has been tried too often: see batcher dlq")
	case errors.Is(err, context.Canceled): // the caller has left
		panic(http.ErrAbortHandler) // else net/http would tell it 200
	default:
		say(w, http.StatusServiceUnavailable, "the queue does not answer")
	}
}

// say answers in the form of the gateway's own answers.
func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	body := map[string]any{"status": status, "message": text}
	if status >= http.StatusBadRequest {
		body = map[string]any{"status": status, "error": map[string]string{"type": "gateway", "message": text, "reason": text}}
	}
	_ = json.NewEncoder(w).Encode(body) // an error means that the caller has left
}

// preferences returns what the Prefer header asks for (RFC 7240): names in lower
// case, with their values, "" for none.
func preferences(r *http.Request) map[string]string {
	found := make(map[string]string)
	for _, line := range r.Header.Values("Prefer") {
		for each := range strings.SplitSeq(line, ",") {
			each, _, _ = strings.Cut(each, ";") // parameters
			name, value, _ := strings.Cut(each, "=")
			found[strings.ToLower(strings.TrimSpace(name))] = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return found
}

func prefers(r *http.Request, name string) bool {
	_, ok := preferences(r)[name]
	return ok
}

// waitOf returns how long a caller wants to wait.
func waitOf(r *http.Request) time.Duration {
	said, ok := preferences(r)["wait"]
	seconds, err := strconv.ParseInt(said, 10, 64)
	if !ok || err != nil || seconds < 0 {
		return defaultWait
	}
	return time.Duration(min(seconds, int64(mostWait/time.Second))) * time.Second
}

package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// ledger is a stub that remembers what it was asked for.
type ledger struct {
	stub
	mu   sync.Mutex
	seen map[float64]int // how often each first number was asked for; guarded by mu
}

func newLedger(cost Cost) *ledger {
	l := &ledger{seen: make(map[float64]int)}
	l.cost, l.saw = cost, l.note
	return l
}

func (l *ledger) note(instances [][]float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, instance := range instances {
		l.seen[instance[0]]++
	}
}

// distinct returns how many instances it has seen.
func (l *ledger) distinct() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.seen)
}

// repeated returns how many of these it has seen more than once.
func (l *ledger) repeated() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, times := range l.seen {
		if times > 1 {
			n++
		}
	}
	return n
}

// handIn submits the request with this number, to be answered later, and returns the
// path of its answer.
func handIn(ctx context.Context, gate, key string, number int) (place string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, gate+path, strings.NewReader(fmt.Sprintf(`{"instances": [[%d, 0.5]]}`, number)))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Prefer", "respond-async")
	req.Header.Set("Idempotency-Key", key)
	status, header, _, err := exchange(req)
	if err == nil && status != http.StatusAccepted {
		err = fmt.Errorf("status %d", status)
	}
	return header.Get("Location"), err
}

// collect waits for the answer to the request with this number, and reports
// whether it is the right one.
func collect(ctx context.Context, place string, number int) (right bool, err error) {
	for range 6 { // a minute
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, place, nil)
		if err != nil {
			return false, err
		}
		status, _, body, err := exchange(req)
		if err != nil {
			return false, err
		}
		if status == http.StatusAccepted {
			continue
		}
		var got struct{ Predictions []float64 }
		err = json.Unmarshal(body, &got)
		return err == nil && status == http.StatusOK && len(got.Predictions) == 1 && got.Predictions[0] == float64(number)+0.5, nil
	}
	return false, errors.New("no answer within a minute")
}

// exchange makes a request and reads the answer.
func exchange(req *http.Request) (status int, header http.Header, body []byte, err error) {
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, res.Header, body, errors.Join(err, res.Body.Close())
}

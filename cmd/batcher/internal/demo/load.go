package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// load is a number of callers of a model, each with one request at a time, of one
// instance. It checks that each gets its own answer.
type load struct {
	url    string
	client *http.Client

	mu     sync.Mutex
	took   []time.Duration // of the requests answered since the last take; guarded by mu
	failed int             // requests without the right answer since; guarded by mu
	err    error           // the last such failure; guarded by mu
}

func newLoad(url string, callers int) *load {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = callers
	return &load{url: url + path, client: &http.Client{Transport: t}}
}

// run lets callers ask until ctx ends, and waits for their answers.
func (l *load) run(ctx context.Context, callers int) {
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				l.call(ctx, caller, n)
			}
		})
	}
	all.Wait()
	l.client.CloseIdleConnections()
}

// call makes one request. One that the end of ctx cuts short does not count.
func (l *load) call(ctx context.Context, caller, n int) {
	start := time.Now()
	err := l.ask(ctx, caller, n)
	took := time.Since(start)
	if ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed, l.err = l.failed+1, err
		return
	}
	l.took = append(l.took, took)
}

func (l *load) ask(ctx context.Context, caller, n int) error {
	body := fmt.Sprintf(`{"instances": [[%d, %d, 0.5]]}`, caller, n)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := l.client.Do(req)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return err
	}
	var got struct{ Predictions []float64 }
	if err := json.Unmarshal(text, &got); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", res.Status, text)
	}
	if want := float64(caller+n) + 0.5; len(got.Predictions) != 1 || got.Predictions[0] != want {
		return fmt.Errorf("got the predictions %v, want %v", got.Predictions, want)
	}
	return nil
}

// take returns what has come in since it was last called.
func (l *load) take() (took []time.Duration, failed int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	took, failed, err = l.took, l.failed, l.err
	l.took, l.failed, l.err = nil, 0, nil
	return took, failed, err
}

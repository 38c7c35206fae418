package embed_test

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/natsbatch"
)

// touchyCodec is JSON but for what must not happen.
type touchyCodec struct{}

func (touchyCodec) Marshal(v any) ([]byte, error) {
	if v == "late" {
		panic("boom")
	}
	return json.Marshal(v)
}

func (touchyCodec) Unmarshal(data []byte, v any) error {
	switch string(data) {
	case `"early"`:
		panic("boom")
	case `"exit"`:
		runtime.Goexit()
	}
	return json.Unmarshal(data, v)
}

// touchyError panics where it is nil.
type touchyError struct{ text string }

func (e *touchyError) Error() string { return e.text }

// A worker survives what is foreign and runs outside Func: the request ends
// with the dead letters, and all others go on.
func TestAPanicOutsideFuncHoldsNobodyUp(t *testing.T) {
	nc := conn(t)
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	w, err := natsbatch.NewWorker(within(t), nc, queue, func(_ context.Context, reqs []string) ([]string, error) {
		if reqs[0] == "nil" {
			var none *touchyError
			return reqs, none
		}
		return reqs, nil
	}, natsbatch.WorkerOptions{Codec: touchyCodec{}, MaxDeliveries: 3})
	worker(t, w, err)
	for req, reason := range map[string]string{"early": "decode the request panicked: boom", "late": "encode the result panicked: boom",
		"exit": "the run ended early", "nil": "read the error of Func panicked"} {
		h, err := c.Submit(within(t), req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Wait(within(t), h); !errors.Is(err, natsbatch.ErrDead) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v, want dead: %s", req, err, reason)
		}
		if res, err := c.Do(within(t), "good"); err != nil || res != "good" {
			t.Errorf("after %s: %q, %v", req, res, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if s := w.Stats(); s.Dead != 4 || s.Active != 0 {
		t.Errorf("in the end %+v", s)
	}
}

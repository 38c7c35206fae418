package load_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
)

func TestPayloadFollowsFromTheID(t *testing.T) {
	a, again, b := load.Payload("a", load.Plain, 0, 128), load.Payload("a", load.Plain, 0, 128), load.Payload("b", load.Plain, 0, 128)
	if !bytes.Equal(a, again) || bytes.Equal(a[20:], b[20:]) || len(a) != 128 {
		t.Errorf("got %q, %q and %q", a, again, b)
	}
	if n := len(load.Payload("a", load.Plain, 0, 0)); n < 64 {
		t.Errorf("the least size is %d", n)
	}
}

func TestWorkDoesAsItIsTold(t *testing.T) {
	var w load.Work
	plain, fails, large := load.Payload("p", load.Plain, 0, 0), load.Payload("f", load.Fail, 0, 0), load.Payload("l", load.Large, 1000, 0)
	res, err := w.Process(context.Background(), [][]byte{plain, fails, large})
	if err == nil || !strings.Contains(err.Error(), "f fails as told") {
		t.Errorf("got %v", err)
	}
	if !strings.HasPrefix(string(res[0]), oracle.Hash(plain)+" ") || len(res[2]) != 1000 {
		t.Errorf("got %q", res)
	}
	if _, err := w.Process(context.Background(), [][]byte{plain, load.Payload("s", load.Spoil, 0, 0)}); err == nil || !strings.Contains(err.Error(), "s spoils") {
		t.Errorf("got %v", err)
	}
	if _, err := w.Process(context.Background(), [][]byte{[]byte("nonsense")}); err == nil {
		t.Error("nonsense was processed")
	}
	if ran := w.Ran(); ran != (load.Ran{Batches: 3, Requests: 6, Largest: 3}) {
		t.Errorf("%+v", ran)
	}
	tame := load.Work{Tame: true}
	if res, err := tame.Process(context.Background(), [][]byte{fails}); err != nil || !strings.HasPrefix(string(res[0]), oracle.Hash(fails)) {
		t.Errorf("tame: got %q, %v", res, err)
	}
}

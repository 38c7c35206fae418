package natsbatch_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
)

// hopeless is a request that has died once more.
func hopeless(kind wire.Kind) wire.Envelope {
	return wire.Envelope{Kind: kind, Priority: uint8(natsbatch.PriorityHigh), Tries: 9, Suspect: 3, DelayMS: 70, Lives: 1, From: "fe", Number: 18, Reason: "down",
		Requests: []wire.Request{{Index: 11, ID: "id", Deadline: 1, Group: "g", Payload: []byte("r")}}}
}

// The result that says that it is dead goes first, and the letter last.
func TestALetterIsGivenBackAsARequestThatHasNeverRun(t *testing.T) {
	for _, kind := range []wire.Kind{wire.KindDo, wire.KindSubmit, wire.KindKey} {
		for _, result := range []*wire.Outcome{nil, {Index: 11, Status: wire.StatusDead}} {
			want := hopeless(kind)
			d := natsbatch.Dead{Letter: want.Append(nil), Result: result}
			if err := d.Retry(); err != nil {
				t.Fatalf("kind %d: %v", kind, err)
			}
			want.Tries, want.Suspect, want.DelayMS, want.Lives, want.Part, want.Reason, want.Requests[0].Deadline = 0, 0, 2000, 2, true, "", 0
			if len(d.Sent) != 1 {
				t.Fatalf("kind %d: %d messages sent, want one", kind, len(d.Sent))
			}
			if got := d.Sent[0].Data; !bytes.Equal(got, want.Append(nil)) {
				t.Errorf("kind %d: sent %q, want %q", kind, got, want.Append(nil))
			}
			if to, id := d.Sent[0].Subject, d.Sent[0].Header.Get(nats.MsgIdHdr); to != "bq.main.req.test.high" || id != "dlq.test.7" {
				t.Errorf("kind %d: sent to %s with the id %s", kind, to, id)
			}
			deleted := []string{"bq_main_res", "bq_main_dlq"}
			if kind == wire.KindDo || result == nil {
				deleted = deleted[1:]
			}
			if !slices.Equal(d.Deleted, deleted) {
				t.Errorf("kind %d: deleted from %v, want %v", kind, d.Deleted, deleted)
			}
		}
	}
}

func TestALetterWhoseRequestIsAnsweredIsDeletedAlone(t *testing.T) {
	e := hopeless(wire.KindSubmit)
	d := natsbatch.Dead{Letter: e.Append(nil), Result: &wire.Outcome{Index: 11}}
	if err := d.Retry(); err != nil || len(d.Sent) > 0 || !slices.Equal(d.Deleted, []string{"bq_main_dlq"}) {
		t.Errorf("%v, %d messages sent, deleted from %v", err, len(d.Sent), d.Deleted)
	}
}

func TestALetterThatCannotBeGivenBackStays(t *testing.T) {
	e, two := hopeless(wire.KindSubmit), hopeless(wire.KindSubmit)
	two.Requests = append(two.Requests, two.Requests...)
	for want, d := range map[string]*natsbatch.Dead{
		"no such dead letter: 7":                            {},
		"dead letter 7 cannot be retried: it is no request": {Letter: []byte("alien")},
		"7 cannot be retried: it is no request":             {Letter: two.Append(nil)},
		"give dead letter 7 back: look its result up: ":     {Letter: e.Append(nil), Lost: nats.ErrTimeout},
		"give dead letter 7 back: natsbatch: ":              {Letter: e.Append(nil), Alien: true},
		"it was given back less than 2 minutes ago":         {Letter: e.Append(nil), Duplicate: true},
	} {
		err := d.Retry()
		if err == nil || !strings.Contains(err.Error(), want) || len(d.Deleted) > 0 {
			t.Errorf("got %v, want %q, and deleted from %v", err, want, d.Deleted)
		}
		if d.Letter == nil && !errors.Is(err, natsbatch.ErrNoDeadLetter) || d.Lost != nil && !errors.Is(err, d.Lost) {
			t.Errorf("%v does not wrap its cause", err)
		}
		if len(d.Sent) > 0 && !d.Duplicate {
			t.Errorf("%v, and %d messages sent", err, len(d.Sent))
		}
	}
}

// It may have run too early for its result to be stored.
func TestALetterStaysUntilItsRequestIsSeenInTheQueue(t *testing.T) {
	e := hopeless(wire.KindSubmit)
	d := natsbatch.Dead{Letter: e.Append(nil), Result: &wire.Outcome{Index: 11, Status: wire.StatusDead}, Unseen: nats.ErrTimeout}
	if err := d.Retry(); !errors.Is(err, nats.ErrTimeout) || !slices.Equal(d.Deleted, []string{"bq_main_res"}) {
		t.Errorf("got %v, and deleted from %v", err, d.Deleted)
	}
}

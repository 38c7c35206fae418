package natsbatch_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
)

func TestHandlesHaveAText(t *testing.T) {
	for _, text := range []string{"AB_c-9.18446744073709551615.255", "k." + "b3JkZXIgMTcg4oKs", "fe.0.0", "k." + strings.Repeat("QUFB", 42) + "QUE"} {
		h, err := natsbatch.ParseHandle(text)
		if err != nil || h.String() != text || h.IsZero() {
			t.Errorf("%s: %v, %v", text, h, err)
		}
		var held struct{ H natsbatch.Handle }
		b, err := json.Marshal(struct{ H natsbatch.Handle }{h})
		if err != nil || json.Unmarshal(b, &held) != nil || held.H != h {
			t.Errorf("%s as JSON: %s, %v, %v", text, b, held.H, err)
		}
	}
	if h := natsbatch.KeyHandle("order 17 €"); h.Key() != "order 17 €" || h.String() != "k.b3JkZXIgMTcg4oKs" {
		t.Errorf("a key: %q, %s", h.Key(), h)
	}
}

// A dead letter of a Do has the zero Handle, and must pass through JSON too.
func TestTheZeroHandleHasAText(t *testing.T) {
	letter := natsbatch.DeadLetter{Seq: 1}
	b, err := json.Marshal(letter)
	if err != nil || !strings.Contains(string(b), `"Handle":""`) {
		t.Errorf("%s, %v", b, err)
	}
	back := natsbatch.DeadLetter{Handle: natsbatch.KeyHandle("k")}
	if err := json.Unmarshal(b, &back); err != nil || !back.Handle.IsZero() || letter.Handle.String() != "" {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestOtherTextsAreNoHandles(t *testing.T) {
	for _, text := range []string{"", "k", "k.", "k.%", "x.QUFB", "k." + strings.Repeat("QUFB", 43), "k." + strings.Repeat("QUFB", 50), "fe.1", "fe.1.x", "fe.-1.0", "fe.01.0", "f*e.1.0", "fe.1.0.0", ".1.0"} {
		h, err := natsbatch.ParseHandle(text)
		if err == nil || !h.IsZero() || !strings.HasSuffix(err.Error(), fmt.Sprintf("not a handle: %q", text)) {
			t.Errorf("%q: %v, %v", text, h, err)
		}
		if text == "" { // as JSON it is the zero Handle
			continue
		}
		if err := h.UnmarshalText([]byte(text)); err == nil || !h.IsZero() {
			t.Errorf("%q as JSON: %v, %v", text, h, err)
		}
	}
}

func FuzzParseHandle(f *testing.F) {
	f.Add("fe.1.2")
	f.Add("k.b3JkZXI")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := natsbatch.ParseHandle(text)
		if err != nil {
			return
		}
		if again, err := natsbatch.ParseHandle(h.String()); err != nil || again != h {
			t.Fatalf("%q: %v became %v, %v", text, h, again, err)
		}
	})
}

// An id may hold anything; a subject may not.
func TestKeysFitIntoSubjects(t *testing.T) {
	q := natsbatch.Queue{Namespace: "ns", Endpoint: "ep"}
	got := natsbatch.KeySubject(q, "a.b *>\x00")
	if want := "bq.ns.res.ep.k.YS5iICo-AA"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRetryMarksAnError(t *testing.T) {
	if natsbatch.Retry(nil) != nil {
		t.Error("Retry(nil) is not nil")
	}
	err := natsbatch.Retry(errUpstream)
	var again *natsbatch.RetryError
	if !errors.Is(err, errUpstream) || !errors.As(err, &again) || again.After != 0*time.Second || err.Error() != errUpstream.Error() {
		t.Errorf("got %#v", err)
	}
}

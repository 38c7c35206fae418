package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/natsbatch/internal/wire"
)

var envelopes = map[string]wire.Envelope{
	"least": {From: "f", Requests: []wire.Request{{Payload: []byte{}}}},
	"do":    {Kind: wire.KindDo, From: "fe", Number: 7, Requests: []wire.Request{{Payload: []byte("a")}, {Index: 1, Deadline: 1 << 42, Payload: []byte{}}}},
	"key":   {Kind: wire.KindKey, Priority: 2, From: "fe", Requests: []wire.Request{{ID: "order 17", Group: "eu", Trace: "00-1-2-01", Deadline: -5, Payload: []byte{0, 255}}}},
	"id":    {Kind: wire.KindKey, From: "f", Requests: []wire.Request{{ID: strings.Repeat("x", 128), Payload: []byte{}}}},
	"part": {Kind: wire.KindSubmit, Priority: 1, Part: true, Tries: 3, Suspect: 2, DelayMS: 1500, Lives: 2, From: "fe", Number: 1<<64 - 1, Reason: "panic: no",
		Requests: []wire.Request{{Index: 255, Payload: []byte("z")}}},
}

func TestEnvelopesSurviveTheWire(t *testing.T) {
	for name, e := range envelopes {
		got, err := wire.DecodeEnvelope(e.Append(nil))
		if err != nil || !reflect.DeepEqual(*got, e) {
			t.Errorf("%s: got %+v, %v\nwant %+v", name, got, err, e)
		}
	}
}

var reports = [][]wire.Report{
	{},
	{{Number: 3}},
	{{Number: 3, Split: true, Outcomes: []wire.Outcome{{Index: 1, Status: wire.StatusDead, Data: []byte("why")}}}, {Number: 4, Outcomes: []wire.Outcome{{Data: []byte{}}}}},
}

func TestReportsSurviveTheWire(t *testing.T) {
	for _, want := range reports {
		got, err := wire.DecodeReports(wire.AppendReports(nil, want...))
		if err != nil || len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
}

// Whatever is cut off or added, it is an error.
func TestOnlyWholeMessagesAreRead(t *testing.T) {
	e := envelopes["part"]
	whole := e.Append(nil)
	for n := range whole {
		if _, err := wire.DecodeEnvelope(whole[:n]); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%d of %d bytes of an envelope: %v, want ErrMalformed", n, len(whole), err)
		}
	}
	if _, err := wire.DecodeEnvelope(append(whole, 0)); !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("a byte too many: %v, want ErrMalformed", err)
	}
	whole = wire.AppendReports(nil, reports[2]...)
	for n := range whole {
		if _, err := wire.DecodeReports(whole[:n]); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%d of %d bytes of reports: %v, want ErrMalformed", n, len(whole), err)
		}
	}
	if _, err := wire.DecodeReports(append(whole, 0)); !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("a byte too many: %v, want ErrMalformed", err)
	}
}

func TestOtherVersionsAreTold(t *testing.T) {
	e := envelopes["do"]
	newer := e.Append(nil)
	newer[0] = wire.Version + 1
	if _, err := wire.DecodeEnvelope(newer); !errors.Is(err, wire.ErrVersion) {
		t.Errorf("an envelope: %v, want ErrVersion", err)
	}
	newer = wire.AppendReports(nil, reports[1]...)
	newer[0] = wire.Version + 1
	if _, err := wire.DecodeReports(newer); !errors.Is(err, wire.ErrVersion) {
		t.Errorf("reports: %v, want ErrVersion", err)
	}
}

func TestWhatDoesNotExistIsMalformed(t *testing.T) {
	e := envelopes["do"]
	unknown := e.Append(nil)
	unknown[1] = 3
	if _, err := wire.DecodeEnvelope(unknown); !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("an envelope of a kind that does not exist: %v, want ErrMalformed", err)
	}
	for name, b := range map[string][]byte{
		"kind":    {wire.Version, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"counter": {wire.Version, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0},
		"count":   {wire.Version, 0, 0, 0, 0, 0, 0, 1, 'f', 0, 0, 0xff, 0xff, 0x7f},
	} {
		if _, err := wire.DecodeEnvelope(b); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
	for name, b := range map[string][]byte{
		"flag":   {wire.Version, 1, 0, 2, 0},
		"status": {wire.Version, 1, 0, 0, 1, 0, 5, 0},
		"count":  {wire.Version, 0xff, 0xff, 0x7f},
	} {
		if _, err := wire.DecodeReports(b); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

// A count that is a lie costs no more memory than what as long a message may hold, which
// is 6 bytes a request, 3 a report and 3 an outcome.
func TestACountTakesNoMoreThanItsMessageWarrants(t *testing.T) {
	const n = 1 << 20
	count := binary.AppendUvarint(nil, n)
	lie := func(head ...byte) []byte { return append(append(head, count...), make([]byte, n)...) }
	for name, decode := range map[string]func() error{
		"requests": func() error {
			return second(wire.DecodeEnvelope(lie(wire.Version, 0, 0, 0, 0, 0, 0, 1, 'f', 0, 0)))
		},
		"reports":  func() error { return second(wire.DecodeReports(lie(wire.Version))) },
		"outcomes": func() error { return second(wire.DecodeReports(lie(wire.Version, 1, 0, 0))) },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := decode()
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, wire.ErrMalformed) || took > 8*n {
			t.Errorf("%s: %v, want ErrMalformed; %d MiB", name, err, took>>20)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// Counters go up to what docs/natsbatch-wire.md says.
func TestCountersHaveALimit(t *testing.T) {
	for n, want := range map[int]error{1 << 20: nil, 1<<20 + 1: wire.ErrMalformed} {
		for name, e := range map[string]wire.Envelope{"tries": {Tries: n}, "suspect": {Suspect: n}, "lives": {Lives: n}} {
			e.From, e.Requests = "f", []wire.Request{{}}
			if _, err := wire.DecodeEnvelope(e.Append(nil)); !errors.Is(err, want) {
				t.Errorf("%s %d: %v, want %v", name, n, err, want)
			}
		}
	}
}

// What could be answered to nobody is no envelope.
func TestAnEnvelopeSaysWhoIsToBeAnswered(t *testing.T) {
	one := []wire.Request{{ID: "id"}}
	for name, e := range map[string]wire.Envelope{
		"nobody":             {Kind: wire.KindSubmit, Requests: one},
		"no part of subject": {Kind: wire.KindSubmit, From: "a.b", Requests: one},
		"a wildcard":         {Kind: wire.KindDo, From: ">", Requests: one},
		"a long name":        {Kind: wire.KindDo, From: strings.Repeat("x", 65), Requests: one},
		"no requests":        {Kind: wire.KindDo, From: "fe"},
		"no id":              {Kind: wire.KindKey, From: "fe", Requests: []wire.Request{{}}},
		"a long id":          {Kind: wire.KindKey, From: "fe", Requests: []wire.Request{{ID: strings.Repeat("x", 129)}}},
	} {
		if _, err := wire.DecodeEnvelope(e.Append(nil)); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

// Sizes are never too small, since messages have a limit, and not much too large.
func TestSizesAreBounds(t *testing.T) {
	text := func(n int) string { return strings.Repeat("x", n) }
	for i, r := range []wire.Request{
		{}, {ID: text(128)}, {Group: text(256)}, {Trace: text(300)}, {Payload: make([]byte, 1<<20)},
		{Index: 255, ID: text(128), Deadline: 1 << 42, Group: text(256), Trace: text(300), Payload: make([]byte, 1<<20)},
	} {
		e := wire.Envelope{From: "f"}
		none := len(e.Append(nil))
		e.Requests = []wire.Request{r}
		if n := len(e.Append(nil)) - none; n > r.Size() || n < r.Size()-20 {
			t.Errorf("request %d has %d bytes, and Size is %d", i, n, r.Size())
		}
	}
	for i, o := range []wire.Outcome{{}, {Index: 255, Status: wire.StatusTooLarge, Data: make([]byte, 1<<20)}} {
		none := len(wire.AppendReports(nil, wire.Report{}))
		if n := len(wire.AppendReports(nil, wire.Report{Outcomes: []wire.Outcome{o}})) - none; n > o.Size() || n < o.Size()-10 {
			t.Errorf("outcome %d has %d bytes, and Size is %d", i, n, o.Size())
		}
	}
}

// A front end's name is part of subjects.
func TestNamesOfFrontEnds(t *testing.T) {
	is := func(name string) bool {
		e := wire.Envelope{From: name, Requests: []wire.Request{{}}}
		_, err := wire.DecodeEnvelope(e.Append(nil))
		return err == nil
	}
	for c := range 256 {
		want := strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", rune(c))
		if name := string([]byte{'f', byte(c)}); is(name) != want {
			t.Errorf("%q is a name: %v", name, !want)
		}
	}
	if name := strings.Repeat("x", 64); !is(name) || is(name+"x") {
		t.Error("names may not have just 64 letters")
	}
}

func FuzzEnvelope(f *testing.F) {
	for _, e := range envelopes {
		f.Add(e.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := wire.DecodeEnvelope(b)
		if err != nil {
			return
		}
		again, err := wire.DecodeEnvelope(e.Append(nil))
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Fatalf("%+v became %+v, %v", e, again, err)
		}
	})
}

func FuzzReports(f *testing.F) {
	for _, r := range reports {
		f.Add(wire.AppendReports(nil, r...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := wire.DecodeReports(b)
		if err != nil {
			return
		}
		first := wire.AppendReports(nil, r...)
		again, err := wire.DecodeReports(first)
		if err != nil || !bytes.Equal(wire.AppendReports(nil, again...), first) {
			t.Fatalf("%+v became %+v, %v", r, again, err)
		}
	})
}

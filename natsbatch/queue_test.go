package natsbatch_test

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestQueueSaysWhatIsWrong(t *testing.T) {
	if err := (natsbatch.Queue{Endpoint: "a-b_C9"}).Validate(); err != nil {
		t.Errorf("a good one: %v", err)
	}
	err := natsbatch.Queue{Namespace: "a.b", Endpoint: "*", MaxBytes: -1, MaxMessages: -2, ResultBytes: -3,
		ResultTTL: time.Millisecond, DeadTTL: -time.Second, AckWait: time.Millisecond, Replicas: 2}.Validate()
	for _, want := range []string{`Namespace is "a.b"`, `Endpoint is "*"`, "MaxBytes is -1", "MaxMessages is -2", "ResultBytes is -3",
		"ResultTTL is 1ms", "DeadTTL is -1s", "AckWait is 1ms", "Replicas is 2"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
	if err := (natsbatch.Queue{Endpoint: "e", AckWait: math.MaxInt64}).Validate(); err == nil || !strings.Contains(err.Error(), "300ms to 8760h0m0s") {
		t.Errorf("an AckWait without end: %v", err)
	}
}

// Each field may be this much and no more, or this little and no less.
func TestBoundsOfAQueue(t *testing.T) {
	const year = 365 * 24 * time.Hour
	long := strings.Repeat("x", 64)
	for _, q := range []natsbatch.Queue{{Namespace: long}, {Endpoint: long}, {ResultTTL: 100 * time.Millisecond}, {DeadTTL: 100 * time.Millisecond},
		{AckWait: 300 * time.Millisecond}, {AckWait: year}, {Replicas: 1}, {Replicas: 3}, {Replicas: 5}} {
		q.Endpoint = cmp.Or(q.Endpoint, "e")
		if err := q.Validate(); err != nil {
			t.Errorf("%+v: %v", q, err)
		}
	}
	for want, q := range map[string]natsbatch.Queue{
		"Namespace is":                   {Namespace: long + "x"},
		"Endpoint is":                    {Endpoint: long + "x"},
		"ResultTTL is 99ms":              {ResultTTL: 99 * time.Millisecond},
		"DeadTTL is 99ms":                {DeadTTL: 99 * time.Millisecond},
		"AckWait is 299ms":               {AckWait: 299 * time.Millisecond},
		"AckWait is 8760h0m0.000000001s": {AckWait: year + 1},
		"Replicas is 4":                  {Replicas: 4},
	} {
		q.Endpoint = cmp.Or(q.Endpoint, "e")
		if err := q.Validate(); err == nil || !strings.HasPrefix(err.Error(), "natsbatch: Queue: "+want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v, want %q alone", q, err, want)
		}
	}
}

// What exists has them: with others its users would find that it has drifted.
func TestDefaultsOfAQueue(t *testing.T) {
	q := natsbatch.Queue{Endpoint: "e"}
	requests, results, dead := natsbatch.Streams(q)
	for what, c := range map[string]struct{ got, want any }{
		"MaxBytes":               {requests.MaxBytes, int64(1 << 30)},
		"MaxBytes, dead letters": {dead.MaxBytes, int64(1 << 30)},
		"MaxMessages":            {requests.MaxMsgs, int64(1_000_000)},
		"ResultBytes":            {results.MaxBytes, int64(2 << 30)},
		"ResultTTL":              {results.MaxAge, 24 * time.Hour},
		"DeadTTL":                {dead.MaxAge, 14 * 24 * time.Hour},
		"AckWait":                {natsbatch.Consumer(q).AckWait, 5 * time.Second},
		"Replicas":               {requests.Replicas, 1},
		"Memory":                 {requests.Storage, jetstream.FileStorage},
	} {
		if c.got != c.want {
			t.Errorf("%s is %v, want %v", what, c.got, c.want)
		}
	}
}

// They are those that docs/natsbatch-wire.md lists: what an older program has stored is
// found under them.
func TestSubjectsOfAQueue(t *testing.T) {
	got, streamOf := natsbatch.Subjects(natsbatch.Queue{Namespace: "ns", Endpoint: "ep"})
	want := map[string]string{
		"a request":              "bq.ns.req.ep.high",
		"a suspect":              "bq.ns.req.ep.again",
		"a reply":                "bq.ns.rep.fe",
		"a dead letter":          "bq.ns.dlq.ep",
		"results":                "bq.ns.res.ep.fe.18",
		"results, again":         "bq.ns.done.ep.fe.18",
		"a result alone":         "bq.ns.res.ep.fe.18.11",
		"a result with an id":    "bq.ns.res.ep.k.aWQ",
		"letters to a front end": "bq.ns.res.ep.fe.do.",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	for what, stream := range map[string]string{"a request": "bq_ns_req", "a suspect": "bq_ns_req", "a dead letter": "bq_ns_dlq",
		"results": "bq_ns_res", "a result alone": "bq_ns_res", "a result with an id": "bq_ns_res"} {
		if got := streamOf(got[what]); got != stream {
			t.Errorf("%s is in %s, want %s", what, got, stream)
		}
	}
}

func TestWorkerOptionsSayWhatIsWrong(t *testing.T) {
	if err := (natsbatch.WorkerOptions{}).Validate(); err != nil {
		t.Errorf("the zero ones: %v", err)
	}
	for want, o := range map[string]natsbatch.WorkerOptions{
		"Batch.Manual":        {Batch: batcher.Options{Manual: true}},
		"Batch.StrictSize":    {Batch: batcher.Options{StrictSize: true, MinSize: 2}},
		"Batch.MaxPending":    {Batch: batcher.Options{MaxPending: 1}},
		"Batch.Go":            {Batch: batcher.Options{Go: func(f func()) { f() }}},
		"MaxSize is -1":       {Batch: batcher.Options{MaxSize: -1}},
		"MinSize is 65":       {Batch: batcher.Options{MinSize: 65}},
		"MaxDeliveries is 2":  {MaxDeliveries: 2},
		"must be 3 to 500000": {MaxDeliveries: math.MaxInt},
	} {
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
}

func TestPrioritiesHaveNames(t *testing.T) {
	for p, want := range map[natsbatch.Priority]string{natsbatch.PriorityNormal: "normal", natsbatch.PriorityHigh: "high", natsbatch.PriorityLow: "low", 3: "Priority(3)"} {
		if p.String() != want {
			t.Errorf("got %q, want %q", p, want)
		}
	}
}

// What an operator changed is named, field by field, and what does not matter
// is left alone.
func TestDriftIsNamed(t *testing.T) {
	requests, results, _ := natsbatch.Streams(natsbatch.Queue{Endpoint: "e"})
	same := requests
	same.Description, same.Compression, same.MaxMsgsPerSubject = "ours", jetstream.S2Compression, -1
	if err := natsbatch.StreamDrift(requests, same); err != nil {
		t.Errorf("nothing that matters differs: %v", err)
	}
	other := results
	other.Storage, other.RePublish, other.MaxBytes = jetstream.MemoryStorage, nil, 5
	err := natsbatch.StreamDrift(results, other)
	for _, want := range []string{"bq_main_res", "storage is Memory, must be File", "max bytes is 5, must be 2147483648", "republish is off, must be bq.main.res.> to bq.main.done.>"} {
		if !errors.Is(err, natsbatch.ErrDrift) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
	deaf := requests
	deaf.MaxMsgSize, deaf.NoAck, deaf.Sealed = 1000, true, true
	deaf.SubjectTransform = &jetstream.SubjectTransformConfig{Source: "bq.main.req.>", Destination: "other.>"}
	err = natsbatch.StreamDrift(requests, deaf)
	for _, want := range []string{"max message size is 1000, must be -1", "subject transform is bq.main.req.> to other.>, must be off", "no ack is true, must be false", "sealed is true, must be false"} {
		if !errors.Is(err, natsbatch.ErrDrift) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
	consumer := natsbatch.Consumer(natsbatch.Queue{Endpoint: "e"})
	changed := consumer
	changed.MaxAckPending, changed.PriorityPolicy, changed.HeadersOnly = 100, jetstream.PriorityPolicyNone, true
	changed.MaxRequestBatch, changed.MaxRequestExpires, changed.MaxRequestMaxBytes = 1, time.Millisecond, 1000
	err = natsbatch.ConsumerDrift(consumer, changed)
	for _, want := range []string{"e_again", "max ack pending is 100, must be -1", "priority policy", "headers only is true, must be false",
		"max request batch is 1, must be 0", "max request expires is 1ms, must be 0s", "max request bytes is 1000, must be 0"} {
		if !errors.Is(err, natsbatch.ErrDrift) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
}

func TestServerErrorsAreToldApart(t *testing.T) {
	api := func(code int, errCode jetstream.ErrorCode, text string) error {
		return &jetstream.APIError{Code: code, ErrorCode: errCode, Description: text}
	}
	for _, c := range []struct {
		err                  error
		refused, full, taken bool
	}{
		{api(503, 10077, "maximum messages exceeded"), true, true, false},
		{api(503, 10077, "maximum bytes exceeded"), true, true, false},
		{api(503, 10077, "maximum messages per subject exceeded"), true, true, true},
		{api(503, 10077, "write failed: no space left on device"), false, false, false},
		{api(503, 10023, "insufficient resources"), true, true, false},
		{api(400, 10071, "wrong last sequence"), true, false, false},
		{api(503, 10008, "system temporarily unavailable"), false, false, false},
		{api(409, 10158, "duplicate message id is in process"), false, false, false},
		{api(429, 10167, "too many requests"), false, false, false},
		{nats.ErrMaxPayload, true, false, false},
		{nats.ErrTimeout, false, false, false},
	} {
		if got := natsbatch.Refused(c.err); got != c.refused {
			t.Errorf("%v: refused %t", c.err, got)
		}
		if got := natsbatch.IsFull(c.err); got != c.full {
			t.Errorf("%v: full %t", c.err, got)
		}
		if got := natsbatch.IsTaken(c.err); got != c.taken {
			t.Errorf("%v: taken %t", c.err, got)
		}
		if got := natsbatch.NoRoom(c.err); got != (c.full || c.err == nats.ErrMaxPayload) {
			t.Errorf("%v: no room %t", c.err, got)
		}
	}
}

package embed_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// lossy gives a front end and a worker that share a way to a server, and what they send
// under a subject once nobody but the test answers that.
func lossy(t *testing.T, subject string, silence func(s *server.Server, nc *nats.Conn) error) (c *natsbatch.Client[string, string], way *cable, sent <-chan *nats.Msg) {
	t.Helper()
	s := serve(t, server.Options{})
	way, nc := lay(t, s.Addr(), 0), dial(t, s.ClientURL())
	far := dial(t, "nats://"+way.Addr().String())
	c = client[string, string](t, far, natsbatch.ClientOptions{})
	w, err := natsbatch.NewWorker(within(t), far, queue, echo, natsbatch.WorkerOptions{})
	worker(t, w, err)
	if err := silence(s, nc); err != nil {
		t.Fatal(err)
	}
	msgs := make(chan *nats.Msg, 100)
	if _, err := nc.ChanSubscribe(subject, msgs); err != nil {
		t.Fatal(err)
	}
	return c, way, msgs
}

// What the server was asked when the connection broke is asked again when it is back, and not
// only when the answer is given up.
func TestAnAnswerThatIsLostWithItsConnection(t *testing.T) {
	without := func(stream string) func(*server.Server, *nats.Conn) error {
		return func(_ *server.Server, nc *nats.Conn) error { return streams(t, nc).DeleteStream(within(t), stream) }
	}
	submit := func(ctx context.Context, c *natsbatch.Client[string, string]) error {
		return second(c.Submit(ctx, "r"))
	}
	for name, ask := range map[string]struct {
		subject string
		silence func(*server.Server, *nats.Conn) error
		call    func(context.Context, *natsbatch.Client[string, string]) error
		limit   time.Duration // of one try
	}{
		"a request": {"bq.main.req.test.normal", without("bq_main_req"), submit, 2 * time.Second},
		"a result":  {"bq.main.res.>", without("bq_main_res"), submit, 5 * time.Second},
		"a look": {"$JS.API.STREAM.MSG.GET.bq_main_res", func(s *server.Server, _ *nats.Conn) error { return s.DisableJetStream() },
			func(ctx context.Context, c *natsbatch.Client[string, string]) error {
				return second(c.Wait(ctx, natsbatch.KeyHandle("k")))
			}, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, way, sent := lossy(t, ask.subject, ask.silence)
			ctx, cancel := context.WithCancel(t.Context())
			called := make(chan error, 1)
			go func() { called <- ask.call(ctx, c) }()
			soon(t, "the first try", sent)
			begun := time.Now()
			way.set(true)
			way.set(false)
			again := soon(t, "the second", sent)
			if took := time.Since(begun); took > ask.limit*9/10 {
				t.Errorf("it came after %v", took)
			}
			if err := again.Respond([]byte(isStored)); err != nil {
				t.Error(err)
			}
			cancel()
			if err := soon(t, name, called); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
}

// What a worker asks about a message before it runs it is asked again as soon.
func TestALookOfAWorkerThatIsLostWithItsConnection(t *testing.T) {
	submit := wire.Envelope{Kind: wire.KindSubmit, From: "front", Number: 1, Requests: []wire.Request{{Payload: []byte(`"r"`)}}}
	part, key := submit, submit
	part.Part, part.Tries, part.Suspect = true, 1, 1
	key.Kind, key.Requests = wire.KindKey, []wire.Request{{ID: "k", Payload: []byte(`"r"`)}}
	for name, of := range map[string]struct {
		line string
		wire.Envelope
	}{
		"results of an envelope":       {"normal", submit},
		"the result of a key":          {"normal", key},
		"excuses of its last delivery": {"again", part},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, server.Options{})
			way, nc := lay(t, s.Addr(), 0), dial(t, s.ClientURL())
			if err := natsbatch.Setup(within(t), nc, queue); err != nil {
				t.Fatal(err)
			}
			js := streams(t, nc)
			for subject, data := range map[string][]byte{
				"bq.main.req.test." + of.line: of.Append(nil),
				"bq.main.res.test.front.1":    wire.AppendReports(nil, wire.Report{Number: 1, Split: true}), // by who had it before
			} {
				if _, err := js.Publish(within(t), subject, data); err != nil {
					t.Fatal(err)
				}
			}
			handOn(t, nc, of.line)
			looks := make(chan *nats.Msg, 100)
			if _, err := nc.ChanSubscribe("lost", looks); err != nil {
				t.Fatal(err)
			}
			if err := s.GlobalAccount().AddMapping("$JS.API.STREAM.MSG.GET.bq_main_res", "lost"); err != nil {
				t.Fatal(err)
			}
			w, err := natsbatch.NewWorker(within(t), dial(t, "nats://"+way.Addr().String()), queue, echo, natsbatch.WorkerOptions{})
			worker(t, w, err)
			soon(t, "the first look", looks)
			begun := time.Now()
			way.set(true)
			way.set(false)
			again := soon(t, "the second", looks)
			if took := time.Since(begun); took > 4*time.Second {
				t.Errorf("it came after %v", took)
			}
			s.GlobalAccount().RemoveMapping("$JS.API.STREAM.MSG.GET.bq_main_res")
			if err := again.Respond([]byte(`{"error": {"code": 404, "err_code": 10037, "description": "no message found"}}`)); err != nil {
				t.Error(err)
			}
		})
	}
}

package embed_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// begin calls Do and both kinds of Submit, and gives where their errors come.
func begin(c *natsbatch.Client[string, string]) map[string]<-chan error {
	came := make(map[string]<-chan error)
	for name, call := range map[string]func() error{
		"Do":     func() error { return second(c.Do(context.Background(), "r")) },
		"Submit": func() error { return second(c.Submit(context.Background(), "r")) },
		"Key":    func() error { return second(c.Submit(context.Background(), "r", natsbatch.Key("k"))) },
	} {
		ch := make(chan error, 1)
		go func() { ch <- call() }()
		came[name] = ch
	}
	return came
}

// end waits for an error of begin.
func end(t *testing.T, name string, came <-chan error) error {
	t.Helper()
	select {
	case err := <-came:
		return err
	case <-time.After(time.Minute):
		t.Fatalf("%s hangs", name)
		return nil
	}
}

// Who may not publish is told so, and that nothing was accepted.
func TestWithoutTheRightToPublish(t *testing.T) {
	s := serve(t, server.Options{Users: []*server.User{{Username: "all"}, {Username: "some", Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{">"}, Deny: []string{"bq.main.req.>"}}}}}})
	if err := natsbatch.Setup(within(t), dial(t, s.ClientURL(), nats.UserInfo("all", "")), queue); err != nil {
		t.Fatal(err)
	}
	c := client[string, string](t, dial(t, s.ClientURL(), nats.UserInfo("some", "")), natsbatch.ClientOptions{})
	for name, came := range begin(c) {
		err := end(t, name, came)
		if !errors.Is(err, nats.ErrPermissionViolation) || errors.Is(err, natsbatch.ErrUnknownOutcome) || !strings.Contains(err.Error(), "bq.main.req.test.normal") {
			t.Errorf("%s: %v, want that there is no right to", name, err)
		}
	}
}

// Front ends repeat for half a minute. What they say then is sure where no
// stream can have the request, and has the reason in any case.
func TestWhatIsKnownWithoutAnAcknowledgement(t *testing.T) {
	t.Parallel()
	deaf := serve(t, server.Options{})
	none := client[string, string](t, dial(t, deaf.ClientURL()), natsbatch.ClientOptions{})
	if err := deaf.DisableJetStream(); err != nil {
		t.Fatal(err)
	}
	for err := error(nil); !errors.Is(err, jetstream.ErrNoStreamResponse); err = none.Health(within(t)) {
		time.Sleep(10 * time.Millisecond)
	}
	way := lay(t, serve(t, server.Options{}).Addr(), 0)
	cut := client[string, string](t, dial(t, "nats://"+way.Addr().String()), natsbatch.ClientOptions{})
	way.set(true)
	nc := conn(t)
	busy := client[string, string](t, nc, natsbatch.ClientOptions{})
	instead(t, nc, "bq_main_req", "bq.main.req.test.>", "")
	if _, err := nc.Subscribe("bq.main.req.test.>", func(msg *nats.Msg) { // so late that a try is under way at any time
		time.AfterFunc(time.Second, func() { msg.Respond([]byte(isBusy)) })
	}); err != nil {
		t.Fatal(err)
	}
	silent := conn(t)
	unheard := client[string, string](t, silent, natsbatch.ClientOptions{})
	instead(t, silent, "bq_main_req", "bq.main.req.test.>", "")
	withoutStream, withoutServer, withoutRoom, withoutAnswer := begin(none), begin(cut), begin(busy), begin(unheard)
	for name, came := range withoutStream {
		err := end(t, name, came)
		if err == nil || errors.Is(err, natsbatch.ErrUnknownOutcome) || !strings.Contains(err.Error(), "not accepted: no stream takes it") {
			t.Errorf("%s without JetStream: %v, want that it was not accepted", name, err)
		}
	}
	for name, came := range withoutServer {
		err := end(t, name, came)
		if !errors.Is(err, natsbatch.ErrUnknownOutcome) || !strings.Contains(err.Error(), "the connection is RECONNECTING") {
			t.Errorf("%s without a server: %v, want ErrUnknownOutcome and why", name, err)
		}
	}
	for name, came := range withoutRoom {
		if err := end(t, name, came); !errors.Is(err, natsbatch.ErrFull) || errors.Is(err, natsbatch.ErrUnknownOutcome) {
			t.Errorf("%s without room: %v, want ErrFull", name, err)
		}
	}
	for name, came := range withoutAnswer {
		err := end(t, name, came)
		if !errors.Is(err, natsbatch.ErrUnknownOutcome) || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no acknowledgement") {
			t.Errorf("%s without an answer: %v, want ErrUnknownOutcome, and not that the caller's deadline has passed", name, err)
		}
	}
	way.set(false)
}

// Those who wait while others are tried have no less patience, and no more: an outage
// must not keep them for half a minute for each envelope before theirs.
func TestManyWithoutAnAcknowledgement(t *testing.T) {
	t.Parallel()
	const many = 700 // of either call: three envelopes
	came := make(map[string]chan error)
	for name, lose := range map[string]func(*nats.Conn){
		"no stream": func(nc *nats.Conn) {
			if err := streams(t, nc).DeleteStream(within(t), "bq_main_req"); err != nil {
				t.Fatal(err)
			}
		},
		"no answer": func(nc *nats.Conn) { instead(t, nc, "bq_main_req", "bq.main.req.test.>", "") },
	} {
		nc := dial(t, serve(t, server.Options{}).ClientURL())
		c := client[string, string](t, nc, natsbatch.ClientOptions{})
		lose(nc)
		errs := make(chan error, 2*many)
		for range many {
			go func() { errs <- second(c.Do(context.Background(), "r")) }()
			go func() { errs <- second(c.Submit(context.Background(), "r")) }()
		}
		came[name] = errs
	}
	late := time.After(time.Minute)
	for name, errs := range came {
		for n := range 2 * many {
			select {
			case err := <-errs:
				if err == nil || name == "no stream" && errors.Is(err, natsbatch.ErrUnknownOutcome) {
					t.Fatalf("%s: %v, want that it was not accepted", name, err)
				}
			case <-late:
				t.Fatalf("%s: %d of %d hang", name, 2*many-n, 2*many)
			}
		}
	}
}

// instead has a stream's place taken by what answers as it is told, in turn; "" is
// no answer.
func instead(t *testing.T, nc *nats.Conn, stream, subject string, answers ...string) {
	t.Helper()
	js := streams(t, nc)
	if err := js.DeleteStream(within(t), stream); err != nil {
		t.Fatal(err)
	}
	told := make(map[string]int)
	if _, err := nc.Subscribe(subject, func(msg *nats.Msg) {
		id := msg.Header.Get(nats.MsgIdHdr)
		n := told[id]
		told[id]++
		if answer := answers[min(n, len(answers)-1)]; answer != "" {
			msg.Respond([]byte(answer))
		}
	}); err != nil {
		t.Fatal(err)
	}
}

const (
	isStored = `{"stream": "s", "seq": 1}`
	isBusy   = `{"stream": "s", "seq": 0, "error": {"code": 429, "err_code": 10167, "description": "too many requests"}}`
	isFull   = `{"stream": "s", "seq": 0, "error": {"code": 503, "err_code": 10077, "description": "maximum messages exceeded"}}`
)

// A stream that has more to store than it can for the moment is asked again.
func TestAStreamThatIsBusy(t *testing.T) {
	nc := conn(t)
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	var runs atomic.Int64
	w, err := natsbatch.NewWorker(within(t), nc, queue, func(_ context.Context, reqs []string) ([]string, error) {
		runs.Add(1)
		return reqs, nil
	}, natsbatch.WorkerOptions{})
	worker(t, w, err)
	instead(t, nc, "bq_main_res", "bq.main.res.>", isBusy, isBusy, isStored)
	submitAll(t, c, "r")
	drained(t, nc, queue, func() {})
	if n := runs.Load(); n != 1 {
		t.Errorf("it ran %d times", n)
	}
	instead(t, nc, "bq_main_req", "bq.main.req.test.>", isBusy, isBusy, isStored)
	submitAll(t, c, "r")
}

// A refusal is sure only where no earlier try may have been stored.
func TestARefusalAfterSilence(t *testing.T) {
	t.Parallel()
	for first, want := range map[string]error{"": natsbatch.ErrUnknownOutcome, isBusy: natsbatch.ErrFull} {
		nc := conn(t)
		c := client[string, string](t, nc, natsbatch.ClientOptions{})
		instead(t, nc, "bq_main_req", "bq.main.req.test.>", first, isFull)
		for name, came := range begin(c) {
			err := end(t, name, came)
			if !errors.Is(err, want) || errors.Is(err, natsbatch.ErrFull) && errors.Is(err, natsbatch.ErrUnknownOutcome) {
				t.Errorf("%s after %q: %v, want %v", name, first, err, want)
			}
		}
	}
}

// Nothing is sent while there is no connection. So what a full queue refuses afterwards was
// surely not accepted.
func TestARefusalAfterAnAbsenceIsSure(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{})
	way, q := lay(t, s.Addr(), 0), small["messages"]
	nc := dial(t, "nats://"+way.Addr().String())
	c := clientOf(t, nc, q)
	fill(t, c)
	way.set(true)
	for nc.IsConnected() {
		time.Sleep(time.Millisecond)
	}
	came := begin(c)
	time.Sleep(200 * time.Millisecond) // until each has been tried
	way.set(false)
	for name, err := range came {
		if err := end(t, name, err); !errors.Is(err, natsbatch.ErrFull) || errors.Is(err, natsbatch.ErrUnknownOutcome) {
			t.Errorf("%s: %v, want ErrFull", name, err)
		}
	}
}

package embed_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Where results are full, the answer to a Do whose front end is away waits in its
// worker, for room or for the front end, or runs again elsewhere.
func TestFullResultsLoseNoAnswer(t *testing.T) {
	for name, then := range map[string]func(t *testing.T, a absence){
		"room": func(t *testing.T, a absence) {
			purge(t, dial(t, a.s.ClientURL()), "bq_main_res")
			a.settled(t)
		},
		"return": func(*testing.T, absence) {},
		"shutdown": func(t *testing.T, a absence) {
			if err := a.w.Close(); err != nil {
				t.Error(err)
			}
			w, err := natsbatch.NewWorker(within(t), dial(t, a.s.ClientURL()), a.q, echo, natsbatch.WorkerOptions{})
			worker(t, w, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := natsbatch.Queue{Endpoint: "test", AckWait: time.Second, ResultBytes: 4 << 10}
			got, _ := away(t, q, strings.Repeat("x", 3<<10), func(a absence) {
				others := clientOf(t, dial(t, a.s.ClientURL()), q)
				if _, err := others.Submit(within(t), strings.Repeat("y", 2<<10)); err != nil {
					t.Fatal(err)
				}
				close(a.may)
				sick(t, a.w, "1 messages wait for room in stream bq_main_res")
				wantDo(t, others)
				then(t, a)
			})
			if err := soon(t, "Do", got); err != nil {
				t.Errorf("Do: %v", err)
			}
		})
	}
}

// A front end that was away hears too that its request is dead.
func TestADoDiesWhileItsFrontEndIsAway(t *testing.T) {
	t.Parallel()
	got, _ := away(t, natsbatch.Queue{Endpoint: "test", AckWait: time.Second}, doomed, func(a absence) {
		close(a.may)
		a.settled(t)
	})
	if err := soon(t, "Do", got); !errors.Is(err, natsbatch.ErrDead) {
		t.Errorf("Do: %v, want ErrDead", err)
	}
}

// What is stored for a front end answers the Do that it is for, once.
func TestAStoredLetterAnswersOneDo(t *testing.T) {
	t.Parallel()
	nc := conn(t)
	c := client[string, string](t, nc, natsbatch.ClientOptions{})
	requests := make(chan *nats.Msg, 2)
	sub, err := nc.ChanSubscribe("bq.main.req.test.normal", requests)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	for range 2 {
		got := make(chan string, 1)
		go func() {
			res, err := c.Do(context.Background(), "r")
			got <- fmt.Sprint(res, err)
		}()
		e, err := wire.DecodeEnvelope(soon(t, "the request", requests).Data)
		if err != nil {
			t.Fatal(err)
		}
		letter := func(number, index uint64, res string) []byte {
			return wire.AppendReports(nil, wire.Report{Number: number, Outcomes: []wire.Outcome{{Index: index, Data: []byte(res)}}})
		}
		for i, data := range [][]byte{letter(e.Number-1, 0, `"before"`), letter(e.Number+1, 0, `"after"`), letter(e.Number, 1, `"beside"`), []byte("no letter"),
			letter(e.Number, 0, `"first"`), letter(e.Number, 0, `"second"`)} {
			if _, err := nc.Request(fmt.Sprintf("bq.main.res.test.%s.do.w.%d-%d", e.From, e.Number, i), data, time.Second); err != nil {
				t.Fatal(err)
			}
		}
		if res := soon(t, "Do", got); res != "first<nil>" {
			t.Errorf("Do: %s, want the first answer that is its own", res)
		}
	}
}

// An answer that waits for room does not keep those of its batch that have come.
func TestAnAnswerThatWaitsKeepsNoOther(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{})
	q := natsbatch.Queue{Endpoint: "test", AckWait: time.Second, ResultBytes: 1 << 10}
	nc, g := dial(t, s.ClientURL()), newGate()
	w, err := natsbatch.NewWorker(within(t), nc, q, g.fn, natsbatch.WorkerOptions{Batch: batcher.Options{MinSize: 2, Delay: time.Minute}})
	worker(t, w, err)
	way := lay(t, s.Addr(), 0)
	got := make(chan error, 2)
	for _, nc := range []*nats.Conn{nc, dial(t, "nats://"+way.Addr().String())} {
		c := clientOf(t, nc, q)
		go func() { got <- second(c.Do(context.Background(), strings.Repeat("x", 2<<10))) }()
	}
	soon(t, "Func", g.runs)
	time.Sleep(100 * time.Millisecond) // until the front ends know that both are accepted
	way.set(true)
	close(g.may)
	if err := soon(t, "Do", got); err != nil {
		t.Errorf("the Do that is there: %v", err)
	}
	sick(t, w, "1 messages wait for room in stream bq_main_res")
	a, ctx := admin(t, nc, q), within(t)
	for s, err := a.Stats(ctx); err != nil || s.Lanes[natsbatch.PriorityNormal].Held != 1; s, err = a.Stats(ctx) {
		if ctx.Err() != nil {
			t.Fatalf("%+v, %v: want one message that is held", s, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	way.set(false)
	if err := soon(t, "Do", got); err != nil {
		t.Errorf("the Do that was away: %v", err)
	}
}

// An answer that is just small enough to be sent may be too large to be kept, which takes
// a header. It is kept in parts.
func TestAnAnswerThatIsTooLargeToBeKept(t *testing.T) {
	t.Parallel()
	const largest = 64 << 10
	o := server.Options{StoreDir: t.TempDir()}
	s := serve(t, o)
	way, front, back := ends(t, s)
	c := bytesClient(t, front, queue)
	result := make([]byte, largest/2-10) // what else is in the message of two takes 15 to 18 bytes
	got := make(chan error, 2)
	for range cap(got) {
		go func() {
			res, err := c.Do(context.Background(), nil)
			if err == nil && len(res) != len(result) {
				err = fmt.Errorf("%d bytes", len(res))
			}
			got <- err
		}()
	}
	var answered atomic.Int64
	may := answers(t, back, queue, cap(got), func([]byte) []byte {
		answered.Add(1)
		return result
	})
	sent := make(chan int, 1000)
	way.set(true)
	meanwhile(t, s, o, func() {
		close(may)
		time.Sleep(100 * time.Millisecond) // until the results are on their way
	}, front, back)
	if _, err := back.Subscribe("bq.main.rep.*", func(msg *nats.Msg) { sent <- len(msg.Data) }); err != nil {
		t.Fatal(err)
	}
	if n := soon(t, "the answer", sent); n <= largest-len("NATS/1.0\r\nNats-TTL: 1m5s\r\n\r\n") || n > largest {
		t.Errorf("the answer has %d bytes, and is not what this is about", n)
	}
	settled(t, back, queue)
	way.set(false)
	for range cap(got) {
		if err := soon(t, "Do", got); err != nil {
			t.Errorf("Do: %v", err)
		}
	}
	if n := answered.Load(); n != int64(cap(got)) {
		t.Errorf("%d were worked out, want %d", n, cap(got))
	}
}

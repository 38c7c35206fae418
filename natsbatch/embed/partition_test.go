package embed_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// nowhere is where no server is.
const nowhere = "127.0.0.1:1"

// node runs a server of a cluster that looks for the others at these addresses.
func node(t *testing.T, name string, at ...string) *server.Server {
	t.Helper()
	var routes []*url.URL
	for _, address := range at {
		routes = append(routes, &url.URL{Scheme: "nats", Host: address})
	}
	return serve(t, server.Options{ServerName: name, Routes: routes,
		Cluster: server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: server.RANDOM_PORT, NoAdvertise: true, PoolSize: -1,
			Advertise: nowhere}}) // else they tell one another of ways that are no cables
}

// setup is Setup for servers that have yet to find one another.
func setup(t *testing.T, nc *nats.Conn, q natsbatch.Queue) {
	t.Helper()
	patience := within(t)
	for err := errors.New("no leader yet"); err != nil; {
		ctx, cancel := context.WithTimeout(patience, time.Second)
		err = natsbatch.Setup(ctx, nc, q)
		cancel()
		if patience.Err() != nil {
			t.Fatal(err)
		}
	}
}

// to dials a server and no other of its cluster.
func to(t *testing.T, s *server.Server) *nats.Conn {
	t.Helper()
	return dial(t, s.ClientURL(), nats.IgnoreDiscoveredServers())
}

// two runs two servers with a cable between them, and gives that of the requests
// and the other one.
func two(t *testing.T, q natsbatch.Queue) (with, without *server.Server, way *cable) {
	t.Helper()
	a := node(t, "a", nowhere)
	way = lay(t, a.ClusterAddr(), 0)
	b := node(t, "b", way.Addr().String())
	setup(t, to(t, b), q)
	if a.JetStreamIsStreamLeader("$G", "bq_main_req") {
		return a, b, way
	}
	return b, a, way
}

// Each server keeps its clients, and the answer finds no way from one to the other.
func TestADoOutlivesServersThatLoseOneAnother(t *testing.T) {
	t.Parallel()
	q := natsbatch.Queue{Endpoint: "test", AckWait: time.Second}
	with, without, way := two(t, q)
	apart(t, q, with, without, 2500*time.Millisecond, way)
}

// The server that leads the streams is cut off with a front end, and does not know for
// a while that it leads nobody any more.
func TestADoOutlivesACutBetweenItsServerAndTheOthers(t *testing.T) {
	t.Parallel()
	q := natsbatch.Queue{Endpoint: "test", AckWait: 3 * time.Second, Replicas: 3}
	a := node(t, "a", nowhere)
	ab, ac := lay(t, a.ClusterAddr(), 0), lay(t, a.ClusterAddr(), 0)
	b := node(t, "b", ab.Addr().String())
	node(t, "c", ac.Addr().String(), b.ClusterAddr().String())
	nc := to(t, b)
	setup(t, nc, q)
	leads(t, nc, "bq_main_req", a)
	leads(t, nc, "bq_main_res", a)
	lead(t, nc, "CONSUMER.LEADER.STEPDOWN.bq_main_req.test_normal", "b", func() bool { return b.JetStreamIsConsumerLeader("$G", "bq_main_req", "test_normal") })
	apart(t, q, b, a, 6*time.Second, ab, ac)
}

// The servers of a front end and of a worker lose one another alone, and not the third
// one, which leads the stream of the requests. Whichever leads that of the results at
// first, the answer finds a way.
func TestADoOutlivesACutBetweenTwoServers(t *testing.T) {
	for _, leader := range []string{"a", "b", "c"} {
		t.Run(leader, func(t *testing.T) {
			t.Parallel()
			q := natsbatch.Queue{Endpoint: "test", AckWait: time.Second, Replicas: 3}
			a := node(t, "a", nowhere)
			b := node(t, "b", a.ClusterAddr().String())
			bc := lay(t, b.ClusterAddr(), 0)
			c := node(t, "c", a.ClusterAddr().String(), bc.Addr().String())
			nc := to(t, a)
			setup(t, nc, q)
			leads(t, nc, "bq_main_req", a)
			leads(t, nc, "bq_main_res", map[string]*server.Server{"a": a, "b": b, "c": c}[leader])
			lead(t, nc, "CONSUMER.LEADER.STEPDOWN.bq_main_req.test_normal", "a", func() bool { return a.JetStreamIsConsumerLeader("$G", "bq_main_req", "test_normal") })
			apart(t, q, c, b, 30*time.Second, bc)
		})
	}
}

// leads has a server lead a stream.
func leads(t *testing.T, nc *nats.Conn, stream string, s *server.Server) {
	t.Helper()
	lead(t, nc, "STREAM.LEADER.STEPDOWN."+stream, s.Name(), func() bool { return s.JetStreamIsStreamLeader("$G", stream) })
}

// lead has a server lead.
func lead(t *testing.T, nc *nats.Conn, stepDown, name string, leads func() bool) {
	t.Helper()
	for patience := within(t); !leads(); time.Sleep(200 * time.Millisecond) {
		_, err := nc.Request("$JS.API."+stepDown, fmt.Appendf(nil, `{"placement": {"preferred": %q}}`, name), time.Second)
		if patience.Err() != nil {
			t.Fatalf("%s does not lead: %v", name, err)
		}
	}
}

// apart has a worker at one server give up a front end at another one, while the
// ways between them are cut until the Do ends, but for no longer than that.
func apart(t *testing.T, q natsbatch.Queue, worked, asked *server.Server, away time.Duration, ways ...*cable) {
	t.Helper()
	g := newGate()
	w, err := natsbatch.NewWorker(within(t), to(t, worked), q, g.fn, natsbatch.WorkerOptions{})
	worker(t, w, err)
	nc := to(t, asked)
	c := clientOf(t, nc, q)
	got := make(chan error, 1)
	go func() { got <- second(c.Do(context.Background(), "r")) }()
	soon(t, "Func", g.runs)
	time.Sleep(100 * time.Millisecond) // until the front end knows that it is accepted
	for _, way := range ways {
		way.set(true)
	}
	close(g.may)
	select {
	case err = <-got:
	case <-time.After(away): // in which the worker gives it up
		for _, way := range ways {
			way.set(false)
		}
		err = soon(t, "Do", got)
	}
	if err != nil {
		t.Errorf("Do: %v", err)
	}
	if n := nc.Stats().Reconnects; n > 0 {
		t.Errorf("the front end lost its server %d times", n)
	}
}

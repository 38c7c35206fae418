package natsbatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Limits of what is created.
const (
	duplicates  = 2 * time.Minute
	pullWaiting = 4096 // pulls that wait: one for each worker
	pullGroup   = "batch"
)

// Setup creates the streams and consumers of a queue that do not exist, and
// verifies those that do. [NewClient] and [NewWorker] do the same, so Setup need only
// be called if they lack the permission to create. It waits for the
// servers, no longer than ctx lasts.
//
// It fails if q.Validate does. It returns an error that wraps [ErrDrift] and
// lists what differs in the first stream or consumer that exists and is not as q
// says; it never alters anything.
func Setup(ctx context.Context, nc *nats.Conn, q Queue) error {
	_, err := open(ctx, nc, q)
	return err
}

// Exists reports whether the servers have all that [Setup] creates for a queue. It
// creates nothing, and does not look for drift. It waits for the servers, no longer
// than ctx lasts, and fails if q.Validate does.
func Exists(ctx context.Context, nc *nats.Conn, q Queue) (bool, error) {
	if err := q.Validate(); err != nil {
		return false, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return false, fmt.Errorf("natsbatch: %w", err)
	}
	q = q.withDefaults()
	last := q.consumer(order[len(order)-1]) // to be made
	_, err = js.Consumer(ctx, q.requestStream(), last)
	if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("natsbatch: consumer %s: %w", last, explained(nc, err))
	}
	return true, nil
}

// explained says why nobody has answered a question, if that is the error.
func explained(nc *nats.Conn, err error) error {
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("no server has JetStream: %w", err)
	case !nc.IsConnected():
		return fmt.Errorf("there is no connection to a server: %w", err)
	}
	return err
}

// topology is a queue that exists and is as its Queue says.
type topology struct {
	queue    Queue // with its defaults
	nc       *nats.Conn
	js       jetstream.JetStream
	requests jetstream.Stream
	results  jetstream.Stream
	dead     jetstream.Stream
}

// open is Setup, and returns what it has set up.
func open(ctx context.Context, nc *nats.Conn, q Queue) (*topology, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("natsbatch: %w", err)
	}
	t := &topology{queue: q.withDefaults(), nc: nc, js: js}
	requests, results, dead := t.queue.streams()
	for _, s := range []struct {
		to   *jetstream.Stream
		want jetstream.StreamConfig
	}{{&t.requests, requests}, {&t.results, results}, {&t.dead, dead}} {
		if *s.to, err = ensureStream(ctx, js, s.want); err != nil {
			return nil, err
		}
	}
	for _, l := range order {
		if err := ensureConsumer(ctx, t.requests, t.queue.consumerConfig(l)); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// question bounds a question to the server: its context ends after limit, and when the
// connection breaks, with which the answer may be lost. The client would go on waiting.
func (t *topology) question(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	breaks := t.nc.StatusChanged(nats.RECONNECTING, nats.CLOSED)
	go func() {
		<-breaks
		cancel()
	}()
	return ctx, func() { cancel(); t.nc.RemoveStatusListener(breaks) } // which ends the goroutine
}

// sending is how long a message of so many bytes takes by the slowest link that is
// allowed for, of 1 Mbit/s.
func sending(bytes int) time.Duration { return time.Duration(bytes) * time.Second / (128 << 10) }

// errAway: nothing was sent, since there is no connection.
var errAway = errors.New("natsbatch: there is no connection")

// offer sends a message to its stream, and returns when it is stored. While there is no connection it returns errAway:
// the client would keep the message for whatever server comes next, and lose that
// connection for good if the server lets less pass.
func (t *topology) offer(ctx context.Context, msg *nats.Msg) error {
	if !t.nc.IsConnected() {
		return errAway
	}
	_, err := t.js.PublishMsg(ctx, msg, jetstream.WithRetryAttempts(0))
	return err
}

// streams returns the streams as they must be.
func (q Queue) streams() (requests, results, dead jetstream.StreamConfig) {
	requests = q.stream(q.requestStream(), "req.>")
	requests.Retention = jetstream.WorkQueuePolicy
	requests.MaxMsgs, requests.MaxBytes = q.MaxMessages, q.MaxBytes
	requests.Duplicates = min(duplicates, q.ResultTTL) // else a Key whose result is gone would still count as submitted

	results = q.stream(q.resultStream(), "res.>")
	results.MaxMsgsPerSubject, results.DiscardNewPerSubject = 1, true
	results.MaxBytes, results.MaxAge = q.ResultBytes, q.ResultTTL
	results.Duplicates = min(duplicates, q.ResultTTL)
	results.RePublish = &jetstream.RePublish{Source: q.prefix() + "res.>", Destination: q.prefix() + "done.>"}

	dead = q.stream(q.deadStream(), "dlq.>")
	dead.MaxBytes, dead.MaxAge = q.MaxBytes, q.DeadTTL
	dead.Duplicates = min(duplicates, q.ResultTTL, q.DeadTTL) // else a Key that dies again would have no letter
	return requests, results, dead
}

// stream is what the streams have in common.
func (q Queue) stream(name, subjects string) jetstream.StreamConfig {
	storage := jetstream.FileStorage
	if q.Memory {
		storage = jetstream.MemoryStorage
	}
	return jetstream.StreamConfig{
		Name:        name,
		Subjects:    []string{q.prefix() + subjects},
		Storage:     storage,
		Replicas:    q.Replicas,
		Discard:     jetstream.DiscardNew,
		MaxMsgs:     -1,
		AllowMsgTTL: true,
	}
}

// consumerConfig returns the consumer of a line as it must be.
func (q Queue) consumerConfig(l line) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable:        q.consumer(l),
		FilterSubject:  q.requestSubject(l),
		AckPolicy:      jetstream.AckExplicitPolicy,
		AckWait:        q.AckWait,
		MaxDeliver:     -1,
		MaxAckPending:  -1, // what is put off counts too, and must not keep the rest from workers: MaxMessages bounds it
		MaxWaiting:     pullWaiting,
		PriorityPolicy: jetstream.PriorityPolicyPrioritized,
		PriorityGroups: []string{pullGroup},
	}
}

func ensureStream(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) (jetstream.Stream, error) {
	s, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if err = recent(ctx, js); err == nil {
			s, err = js.CreateStream(ctx, want)
		}
	}
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // by another process, just now
		s, err = js.Stream(ctx, want.Name)
	}
	if err == nil {
		return s, streamDrift(want, s.CachedInfo().Config)
	}
	var said *jetstream.APIError
	if errors.As(err, &said) && said.ErrorCode == codeNoPlace {
		err = fmt.Errorf("it needs room for %d bytes, more than the server has left beside other streams: %w", want.MaxBytes, err)
	}
	return nil, fmt.Errorf("natsbatch: stream %s: %w", want.Name, explained(js.Conn(), err))
}

// apiLevel is that of the first servers that have all that a queue asks for.
const apiLevel = 2

// recent says that servers are too old, or returns nil. Those would create streams
// without what they do not know.
func recent(ctx context.Context, js jetstream.JetStream) error {
	info, err := js.AccountInfo(ctx)
	if err == nil && info.API.Level < apiLevel {
		return fmt.Errorf("the servers are too old: they must be NATS 2.12 or later (JetStream's API has level %d, must be %d)", info.API.Level, apiLevel)
	}
	return err
}

func ensureConsumer(ctx context.Context, s jetstream.Stream, want jetstream.ConsumerConfig) error {
	c, err := s.Consumer(ctx, want.Durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		c, err = s.CreateConsumer(ctx, want)
	}
	if errors.Is(err, jetstream.ErrConsumerExists) {
		c, err = s.Consumer(ctx, want.Durable)
	}
	if err != nil {
		return fmt.Errorf("natsbatch: consumer %s: %w", want.Durable, err)
	}
	return consumerDrift(want, c.CachedInfo().Config)
}

package natsbatch

import (
	"context"
	"math"
	"strings"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What the tests of the pure parts need to see.

var (
	BatchSize     = batchSize
	StreamDrift   = streamDrift
	ConsumerDrift = consumerDrift
	IsFull        = isFull
	IsTaken       = isTaken
	Refused       = refused
	NoRoom        = noRoom
	Fit           = fit
	Apart         = apart
)

func Streams(q Queue) (requests, results, dead jetstream.StreamConfig) {
	return q.withDefaults().streams()
}

func Consumer(q Queue) jetstream.ConsumerConfig {
	return q.withDefaults().consumerConfig(lineAgain)
}

func KeySubject(q Queue, id string) string { return q.withDefaults().keySubject(stored, id) }

// Subjects gives the subjects of a queue by what they are for, and by the stream that has
// them.
func Subjects(q Queue) (all map[string]string, stream func(subject string) string) {
	q = q.withDefaults()
	submit := &wire.Envelope{Kind: wire.KindSubmit, From: "fe", Number: 18}
	key := &wire.Envelope{Kind: wire.KindKey, From: "fe", Number: 19}
	return map[string]string{
		"a request":              q.requestSubject(line(PriorityHigh)),
		"a suspect":              q.requestSubject(lineAgain),
		"a reply":                q.replySubject("fe"),
		"a dead letter":          q.deadSubject(),
		"results":                q.envelopeSubject(stored, "fe", 18),
		"results, again":         q.envelopeSubject(done, "fe", 18),
		"a result alone":         q.partSubject(submit, &wire.Request{Index: 11}),
		"a result with an id":    q.partSubject(key, &wire.Request{Index: 11, ID: "id"}),
		"letters to a front end": q.lettersSubject(stored, "fe"),
	}, q.streamOf
}

// Lane is a lane of a collector with fixed limits and dice.
type Lane struct {
	l   lane
	lim limits
	now time.Time
	seq uint64
}

// Pull is what a plan says.
type Pull struct {
	Batch    int
	Expires  time.Duration
	NoWait   bool
	Priority int
}

func NewLane(size, slots int, delay time.Duration, dice ...int) *Lane {
	l := &Lane{lim: limitsOf(batcher.Options{MaxSize: size, MaxConcurrent: slots, Delay: delay}), now: time.Unix(1, 0)}
	l.l.dice = func() int {
		if len(dice) == 0 {
			return 1
		}
		n := dice[0]
		dice = dice[1:]
		return n
	}
	return l
}

// Plan asks, and takes what is planned for sent.
func (l *Lane) Plan(urgent int) (first, top *Pull) {
	f, t := l.l.plan(l.lim, urgent, l.now)
	if f != nil {
		l.l.first.sent(f, l.now)
		first = &Pull{f.batch, f.expires, f.noWait, f.priority}
	}
	if t != nil {
		l.l.top.sent(t, l.now)
		top = &Pull{t.batch, t.expires, t.noWait, t.priority}
	}
	return first, top
}

// PlanOne is Plan where one message is taken at a time.
func (l *Lane) PlanOne() bool {
	p := l.l.planOne()
	if p != nil {
		l.l.first.sent(p, l.now)
	}
	return p != nil
}

// Arrive has a message with n requests come by the first pull or the top-up,
// others deliveries to other workers after the last.
func (l *Lane) Arrive(n int, byTop, backlog bool, others int) {
	l.seq += 1 + uint64(others)
	if byTop {
		l.l.top.came(1)
	} else {
		l.l.first.came(1)
	}
	l.l.arrived(n, l.seq, backlog, l.lim, l.now)
}

func (l *Lane) Free(n int)              { l.l.active -= n }
func (l *Lane) Starve(runs int)         { l.l.starved += runs }
func (l *Lane) Sleep(d time.Duration)   { l.now = l.now.Add(d) }
func (l *Lane) Runs(took time.Duration) { l.lim.run = took }
func (l *Lane) EndFirst()               { l.l.first.came(math.MaxInt) } // as of an end that says no more
func (l *Lane) EndTop()                 { l.l.top.came(math.MaxInt) }
func (l *Lane) Rank() int               { return l.l.rank }

// Lose gives up what is lost by now, and reports whether anything waits, and how long
// until it is lost, too.
func (l *Lane) Lose() (next time.Duration, waits bool) { return l.l.expire(l.now) }

// Refused is why pulls are not served.
func (l *Lane) Refused() string { return l.l.refused.why }

// Line is a line of a collector whose pulls come back at once.
type Line struct{ c collector }

func NewLine() *Line {
	return &Line{collector{w: &Worker{topology: &topology{queue: Queue{Endpoint: "test"}.withDefaults()}}}}
}

// Back has a pull come back, and gives how long the next one is put off.
func (l *Line) Back() time.Duration {
	r := &l.c.lanes[lineAgain].refused
	r.back("gone", time.Now())
	return time.Until(r.until)
}

func (l *Line) Lose()      { l.c.lanes[lineAgain].refused.note("silence", time.Now()) }
func (l *Line) Serve()     { l.c.forgetPulls() }
func (l *Line) Err() error { return l.c.err(time.Now()) }

// IsServed reports whether an end of a pull is to be expected.
var IsServed = isServed

// Held are deliveries that a worker holds whose AckWait is wait. No server hears of them.
type Held struct {
	l leases
	d map[string]*delivery
}

func NewHeld(wait time.Duration) *Held {
	return &Held{leases{nc: &nats.Conn{}, wait: wait}, make(map[string]*delivery)}
}

func (h *Held) Take(name string) {
	h.d[name] = &delivery{touched: time.Now()}
	h.l.take(h.d[name])
}

func (h *Held) Drop(name string) { h.l.drop(h.d[name]) }
func (h *Held) Close()           { h.l.close() }

// Late is what a timer does that had run out when the worker closed.
func (h *Held) Late() { h.l.extend() }

// Silence is for how long the server has heard nothing of a delivery.
func (h *Held) Silence(name string) time.Duration {
	d := h.d[name]
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Since(d.touched)
}

// Overdue are deliveries that wait for room.
type Overdue struct{ o overdue }

// Enter has a delivery come that is to wait for a stream, and reports whether it may.
func (o *Overdue) Enter(stream string, suspect bool) (leave func(), ok bool) {
	d := &delivery{}
	if suspect {
		d.line = lineAgain
	}
	_, ok = o.o.enter(d, stream)
	return func() { o.o.leave(d) }, ok
}

func (o *Overdue) Many(stream string) bool          { return o.o.many(stream) }
func (o *Overdue) Fail(stream string) time.Duration { return o.o.failed(stream, nats.ErrTimeout) }
func (o *Overdue) Store(stream string)              { o.o.stored(stream) }
func (o *Overdue) Err(within time.Duration) error   { return o.o.err(time.Now().Add(-within)) }

// Stuck is a worker for which a stream has no room.
type Stuck struct{ w *Worker }

func NewStuck() Stuck {
	w := &Worker{collector: &collector{}}
	w.open, w.shut = context.WithCancel(context.Background())
	return Stuck{w}
}

func (s Stuck) Stop() { s.w.shut() }

// Ask has a delivery ask twice whether it may wait, as each of its messages does, and
// reports how often it has given up its place among those that are not settled. over ends
// its wait.
func (s Stuck) Ask(suspect bool) (may bool, left int, over func()) {
	d := &delivery{leave: func() { left++ }}
	if suspect {
		d.line = lineAgain
	}
	may = s.w.waitForRoom(d, "full")
	if s.w.waitForRoom(d, "full") != may {
		panic("it is told otherwise when it asks again")
	}
	return may, left, func() { s.w.hasRoom(d) }
}

// Again is how many hold up the line of suspects.
func (s Stuck) Again() int { return s.w.collector.active() }

// Quiet is how long a leader has not heard from as many others as it needs.
func Quiet(others ...time.Duration) time.Duration {
	c := &jetstream.ClusterInfo{}
	for _, active := range others {
		c.Replicas = append(c.Replicas, &jetstream.PeerInfo{Active: active})
	}
	return quiet(c)
}

// Verdict is what a run came to for one request.
type Verdict struct {
	Fate string
	Data string
}

var fateNames = [fates]string{"answered", "retried", "postponed", "crashed", "handed back", "dead"}

// Process runs fn over requests, encoded as JSON.
func Process[Req, Res any](ctx context.Context, fn func(context.Context, string, []Req) ([]Res, error), opts WorkerOptions, limit int, reqs ...string) []Verdict {
	d := deliveryOf(reqs)
	verdicts := make([]verdict, len(reqs))
	for i, it := range d.items(0) {
		verdicts[i].item = it
	}
	newProcessor(fn, opts.withDefaults(), func() int { return limit })(ctx, "", verdicts)
	got := make([]Verdict, len(reqs))
	for i, v := range verdicts {
		got[i] = Verdict{fateNames[v.fate], string(v.data)}
	}
	return got
}

// Delay is how long a request waits whose error asks for after.
func Delay(opts WorkerOptions, try int, after time.Duration) time.Duration {
	w := &Worker{opts: opts}
	return w.delay(try, []*verdict{{after: after}})
}

// KeepFor is how long the server keeps an envelope of Dos with these deadlines.
func KeepFor(now time.Time, deadlines ...time.Time) time.Duration {
	e := &wire.Envelope{Kind: wire.KindDo}
	for _, d := range deadlines {
		var r wire.Request
		if !d.IsZero() {
			r.Deadline = d.UnixMilli()
		}
		e.Requests = append(e.Requests, r)
	}
	return keepFor(e, now)
}

// Weigh is the weight of a request with so many bytes where a message may have limit.
func Weigh(size, limit int) int { return weigh(&wire.Request{Payload: make([]byte, size)}, limit) }

// PutOff is how long a message with a delay is put off that was stored then.
func PutOff(delay time.Duration, stored, now time.Time) time.Duration {
	d := &delivery{envelope: &wire.Envelope{DelayMS: uint64(delay.Milliseconds())}, stored: stored, count: 1}
	wait, _ := d.early(now)
	return wait
}

// Absent gives what a Do comes to within a minute whose front end cannot look for so
// long for what is stored for it: it sleeps, or its server leads nobody any more. after is
// how long it has been back by then.
func Absent(q Queue, asleep, alone time.Duration) (after time.Duration, err error) {
	r := &lone{since: time.Now()}
	fe := &frontEnd{topology: &topology{queue: q.withDefaults(), nc: &nats.Conn{}, results: r}, life: context.Background()}
	p := presence{looked: time.Now()}
	here := func(d time.Duration) {
		for end := time.Now().Add(d); time.Now().Before(end); fe.attend(&p) {
			time.Sleep(fe.queue.beat())
		}
	}
	here(time.Hour) // in which no Do waits
	r.since = time.Now().Add(time.Hour)
	a := &ask{answer: make(chan answer, 1)}
	fe.calls.add(1, []*ask{a})
	here(10 * time.Second)
	time.Sleep(asleep)
	r.since = time.Now()
	here(alone)
	r.since = time.Now().Add(time.Hour)
	for back := time.Now(); time.Since(back) < time.Minute; fe.attend(&p) {
		select {
		case got := <-a.answer:
			return time.Since(back), got.err
		default:
			time.Sleep(fe.queue.beat())
		}
	}
	return time.Minute, nil
}

// lone is a stream without messages whose leader has not heard of others since then, and
// takes a moment to say so.
type lone struct {
	jetstream.Stream
	since time.Time
}

func (l *lone) Info(context.Context, ...jetstream.StreamInfoOpt) (*jetstream.StreamInfo, error) {
	time.Sleep(time.Millisecond)
	others := []*jetstream.PeerInfo{{Active: max(0, time.Since(l.since))}}
	return &jetstream.StreamInfo{Cluster: &jetstream.ClusterInfo{Replicas: others}}, nil
}

// Pardon has a worker find out, as often as it is asked, what is left of the third delivery
// of a message, the first of which was excused. At first the server does not say whether
// there are results. It gives how often the requests have begun to run, as far as is known.
func Pardon(times int) (tries, suspect int) {
	w := &Worker{topology: &topology{queue: Queue{Endpoint: "test"}.withDefaults(), nc: &nats.Conn{}, results: &excusing{}}, ctx: context.Background()}
	d := deliveryOf([]string{"r"})
	d.line, d.count, d.tries, d.suspect = lineAgain, 3, 3, 3
	d.envelope.Kind, d.envelope.Part = wire.KindSubmit, true
	for range times {
		_, _ = w.unsettled(d)
	}
	return d.tries, d.suspect
}

// excusing is a stream of results that holds an excuse of a first delivery alone.
type excusing struct {
	jetstream.Stream
	asked int // for results
}

func (e *excusing) GetLastMsgForSubject(_ context.Context, subject string) (*jetstream.RawStreamMsg, error) {
	switch {
	case strings.HasSuffix(subject, ".back.0.1"):
		return &jetstream.RawStreamMsg{Data: wire.AppendReports(nil, wire.Report{Number: 1})}, nil
	case !strings.Contains(subject, ".back."):
		if e.asked++; e.asked == 1 {
			return nil, nats.ErrTimeout
		}
	}
	return nil, jetstream.ErrMsgNotFound
}

// Dead is a queue with one dead letter, number 7, whose request may have a result, which is
// number 1.
type Dead struct {
	Letter    []byte // nil: there is none
	Result    *wire.Outcome
	Alien     bool  // the result cannot be read
	Lost      error // of looks for the result
	Unseen    error // of the look for the request in the queue
	Duplicate bool  // the server has what is sent

	Sent    []*nats.Msg
	Deleted []string // by stream
}

// Retry has an Admin give the letter back.
func (d *Dead) Retry() error {
	q := Queue{Endpoint: "test"}.withDefaults()
	a := Admin{&topology{queue: q, js: deadQueue{d: d}, requests: deadStream{name: q.requestStream(), d: d},
		results: deadStream{name: q.resultStream(), d: d}, dead: deadStream{name: q.deadStream(), d: d}}}
	return a.Retry(context.Background(), 7)
}

type deadQueue struct {
	jetstream.JetStream
	d *Dead
}

func (q deadQueue) PublishMsg(_ context.Context, msg *nats.Msg, _ ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	q.d.Sent = append(q.d.Sent, msg)
	return &jetstream.PubAck{Duplicate: q.d.Duplicate}, nil
}

type deadStream struct {
	jetstream.Stream
	name string
	d    *Dead
}

func (s deadStream) GetMsg(_ context.Context, seq uint64, _ ...jetstream.GetMsgOpt) (*jetstream.RawStreamMsg, error) {
	if s.d.Unseen != nil && s.name == "bq_main_req" {
		return nil, s.d.Unseen
	}
	if s.d.Letter == nil {
		return nil, jetstream.ErrMsgNotFound
	}
	return &jetstream.RawStreamMsg{Subject: "bq.main.dlq.test", Sequence: seq, Data: s.d.Letter}, nil
}

func (s deadStream) GetLastMsgForSubject(context.Context, string) (*jetstream.RawStreamMsg, error) {
	switch {
	case s.d.Lost != nil:
		return nil, s.d.Lost
	case s.d.Alien:
		return &jetstream.RawStreamMsg{Sequence: 1, Data: []byte("alien")}, nil
	case s.d.Result == nil:
		return nil, jetstream.ErrMsgNotFound
	}
	return &jetstream.RawStreamMsg{Sequence: 1, Data: wire.AppendReports(nil, wire.Report{Outcomes: []wire.Outcome{*s.d.Result}})}, nil
}

func (s deadStream) DeleteMsg(context.Context, uint64) error {
	s.d.Deleted = append(s.d.Deleted, s.name)
	return nil
}

func deliveryOf(payloads []string) *delivery {
	d := &delivery{envelope: &wire.Envelope{From: "fe", Number: 1}}
	for i, p := range payloads {
		d.envelope.Requests = append(d.envelope.Requests, wire.Request{Index: uint64(i), Payload: []byte(p)})
	}
	return d
}

// Transcoded gives what one type becomes on its way through a Codec and back.
func Transcoded[T any](c Codec, v T) (data []byte, back T, err error) {
	if data, err = encoder[T](codecOr(c))(v); err != nil {
		return nil, back, err
	}
	back, err = decoder[T](codecOr(c))(data)
	return data, back, err
}

// Reports gives the reports of a reply: for each outcome the number of its
// envelope, 0 if it is not for this reply.
func Reports(numbers ...uint64) []wire.Report {
	outcomes := make([]wire.Outcome, len(numbers))
	var p page
	for i, number := range numbers {
		if number > 0 {
			outcomes[i].Index = uint64(i)
			p.add(number, outcomes, i)
		}
	}
	return p.reports
}

// Envelopes are what a front end has submitted, each of one request. Those that it has
// asked the server for stay unanswered.
type Envelopes struct{ f futures }

func NewEnvelopes(numbers ...uint64) *Envelopes {
	e := &Envelopes{}
	e.f.urge = make(chan struct{}, 1)
	for _, n := range numbers {
		e.f.add(n, 1)
	}
	return e
}

// Wait has a caller wait for the result of an envelope until it leaves. It is for
// testing/synctest.
func (e *Envelopes) Wait(n uint64) (leave func()) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _, _, _ = e.f.wait(ctx, context.Background(), Handle{envelope: n}) }()
	synctest.Wait()
	return func() {
		cancel()
		synctest.Wait()
	}
}

func (e *Envelopes) Report(n uint64) { e.f.report(n, &wire.Report{Outcomes: []wire.Outcome{{}}}) }

// Fill is Report with so many bytes.
func (e *Envelopes) Fill(n uint64, size int) {
	e.f.report(n, &wire.Report{Outcomes: []wire.Outcome{{Data: make([]byte, size)}}})
}

func (e *Envelopes) Add(n uint64)    { e.f.add(n, 1) }
func (e *Envelopes) Remove(n uint64) { e.f.remove(n) }

// Knows reports whether the result of an envelope is known or will be.
func (e *Envelopes) Knows(n uint64) bool {
	_, ok, changed := e.f.look(Handle{envelope: n})
	return ok || changed != nil
}

// Await waits for the result of an envelope, and reports whether it is known.
func (e *Envelopes) Await(n uint64) bool {
	_, ok, _ := e.f.wait(context.Background(), context.Background(), Handle{envelope: n})
	return ok
}

func (e *Envelopes) Miss()             { e.f.miss() }
func (e *Envelopes) Again(n uint64)    { e.f.again(n) }
func (e *Envelopes) Overdue() []uint64 { return e.f.overdue() }

// Urged reports whether the front end was told to look since it last asked.
func (e *Envelopes) Urged() bool {
	select {
	case <-e.f.urge:
		return true
	default:
		return false
	}
}

package natsbatch

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Queue names a queue of requests and says what its streams must be like. All
// front ends and workers of one queue must use the same Queue: differences
// are an error of [Setup], [NewClient] and [NewWorker], and nothing that exists
// is ever altered. Queues of one Namespace share its streams, and so must be
// equal in all but Endpoint and AckWait.
type Queue struct {
	// Namespace keeps users of one NATS account apart: letters, digits, "-" and
	// "_", at most 64. Default: "", which is "main".
	Namespace string

	// Endpoint is what the requests are for; each has its own workers. It must
	// be given: letters, digits, "-" and "_", at most 64.
	Endpoint string

	// MaxBytes bounds the requests that wait, in bytes on disk, and likewise the
	// dead letters. Beyond it new requests are refused with ErrFull. Default:
	// zero, which is 1 GiB.
	MaxBytes int64

	// MaxMessages bounds the messages that wait. One carries up to 256 requests.
	// Default: zero, which is 1,000,000.
	MaxMessages int64

	// ResultBytes bounds the stored results, in bytes on disk. Beyond it workers
	// cannot settle requests of Submit, which wait for room, or run again. Default:
	// zero, which is 2 GiB.
	ResultBytes int64

	// ResultTTL is how long results of Submit are kept. Default: zero, which is
	// 24 h. At least 100 ms. Below 2 min it is also how long the server recognizes a
	// message that it has, so a repetition after that may run once more, and at most
	// how long an answer to a Do is kept that its front end has missed.
	ResultTTL time.Duration

	// DeadTTL is how long dead letters are kept. Default: zero, which is 14 days.
	DeadTTL time.Duration

	// AckWait is how long a worker may be silent before its requests go to
	// another; while it works on them it says so in time. Default: zero, which is 5 s.
	// 300 ms to 365 days.
	AckWait time.Duration

	// Replicas is on how many servers of a cluster everything is stored: 1, 3 or
	// 5. Default: zero, which is 1.
	Replicas int

	// Memory gives up durability: everything is lost with the server, and
	// nothing waits for a disk. Default: false.
	Memory bool
}

var token = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Validate says what is wrong, naming each field and its value, or returns nil.
func (q Queue) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("natsbatch: Queue: "+format, args...))
	}
	if q.Namespace != "" && !token.MatchString(q.Namespace) {
		fault("Namespace is %q, must be 1 to 64 letters, digits, - or _", q.Namespace)
	}
	if !token.MatchString(q.Endpoint) {
		fault("Endpoint is %q, must be 1 to 64 letters, digits, - or _", q.Endpoint)
	}
	for name, n := range map[string]int64{"MaxBytes": q.MaxBytes, "MaxMessages": q.MaxMessages, "ResultBytes": q.ResultBytes} {
		if n < 0 {
			fault("%s is %d, must not be negative", name, n)
		}
	}
	if q.ResultTTL != 0 && q.ResultTTL < 100*time.Millisecond {
		fault("ResultTTL is %v, must be at least 100ms", q.ResultTTL)
	}
	if q.DeadTTL != 0 && q.DeadTTL < 100*time.Millisecond {
		fault("DeadTTL is %v, must be at least 100ms", q.DeadTTL)
	}
	if q.AckWait != 0 && (q.AckWait < 300*time.Millisecond || q.AckWait > longest) {
		fault("AckWait is %v, must be 300ms to %v", q.AckWait, longest)
	}
	switch q.Replicas {
	case 0, 1, 3, 5:
	default:
		fault("Replicas is %d, must be 1, 3 or 5", q.Replicas)
	}
	return errors.Join(faults...)
}

// withDefaults returns q with every default filled in.
func (q Queue) withDefaults() Queue {
	q.Namespace = cmp.Or(q.Namespace, "main")
	q.MaxBytes = cmp.Or(q.MaxBytes, 1<<30)
	q.MaxMessages = cmp.Or(q.MaxMessages, 1_000_000)
	q.ResultBytes = cmp.Or(q.ResultBytes, 2<<30)
	q.ResultTTL = cmp.Or(q.ResultTTL, 24*time.Hour)
	q.DeadTTL = cmp.Or(q.DeadTTL, 14*24*time.Hour)
	q.AckWait = cmp.Or(q.AckWait, 5*time.Second)
	q.Replicas = cmp.Or(q.Replicas, 1)
	return q
}

// Priority orders the requests that wait. More urgent ones go first, but the
// others always keep a share of the workers.
type Priority uint8

const (
	// PriorityNormal is the default.
	PriorityNormal Priority = iota
	// PriorityHigh goes before the others.
	PriorityHigh
	// PriorityLow gets what the others leave, and a small share in any case.
	PriorityLow

	priorities = iota // how many there are
)

// urgency lists the priorities, the most urgent first.
var urgency = [priorities]Priority{PriorityHigh, PriorityNormal, PriorityLow}

var priorityNames = [priorities]string{"normal", "high", "low"}

// String returns the priority's name in lower case.
func (p Priority) String() string {
	if int(p) < len(priorityNames) {
		return priorityNames[p]
	}
	return fmt.Sprintf("Priority(%d)", p)
}

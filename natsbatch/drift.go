package natsbatch

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// drift collects what differs between what must be and what is.
type drift struct{ lines []string }

func (d *drift) compare(field string, want, got any) {
	if !reflect.DeepEqual(want, got) {
		d.lines = append(d.lines, fmt.Sprintf("%s is %v, must be %v", field, got, want))
	}
}

func (d *drift) err(what string) error {
	if len(d.lines) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s: %s", ErrDrift, what, strings.Join(d.lines, "; "))
}

// streamDrift says how got differs from want in what matters here. Fields that an
// operator may well set (placement, description, compression) do not.
func streamDrift(want, got jetstream.StreamConfig) error {
	var d drift
	d.compare("subjects", want.Subjects, got.Subjects)
	d.compare("retention", want.Retention, got.Retention)
	d.compare("storage", want.Storage, got.Storage)
	d.compare("replicas", want.Replicas, got.Replicas)
	d.compare("discard", want.Discard, got.Discard)
	d.compare("discard new per subject", want.DiscardNewPerSubject, got.DiscardNewPerSubject)
	d.compare("max messages", unlimited(want.MaxMsgs), unlimited(got.MaxMsgs))
	d.compare("max messages per subject", unlimited(want.MaxMsgsPerSubject), unlimited(got.MaxMsgsPerSubject))
	d.compare("max bytes", unlimited(want.MaxBytes), unlimited(got.MaxBytes))
	d.compare("max message size", unlimited(int64(want.MaxMsgSize)), unlimited(int64(got.MaxMsgSize)))
	d.compare("max age", want.MaxAge, got.MaxAge)
	d.compare("duplicates window", want.Duplicates, got.Duplicates)
	d.compare("message TTLs", want.AllowMsgTTL, got.AllowMsgTTL)
	d.compare("republish", republish(want), republish(got))
	d.compare("subject transform", transform(want), transform(got))
	d.compare("no ack", want.NoAck, got.NoAck)
	d.compare("sealed", want.Sealed, got.Sealed)
	return d.err("stream " + want.Name)
}

func consumerDrift(want, got jetstream.ConsumerConfig) error {
	var d drift
	d.compare("filter", want.FilterSubject, got.FilterSubject)
	d.compare("ack policy", want.AckPolicy, got.AckPolicy)
	d.compare("ack wait", want.AckWait, got.AckWait)
	d.compare("max deliver", unlimited(int64(want.MaxDeliver)), unlimited(int64(got.MaxDeliver)))
	d.compare("max ack pending", want.MaxAckPending, got.MaxAckPending)
	d.compare("max waiting", want.MaxWaiting, got.MaxWaiting)
	d.compare("priority policy", want.PriorityPolicy, got.PriorityPolicy)
	d.compare("priority groups", want.PriorityGroups, got.PriorityGroups)
	d.compare("headers only", want.HeadersOnly, got.HeadersOnly)
	d.compare("max request batch", want.MaxRequestBatch, got.MaxRequestBatch)
	d.compare("max request expires", want.MaxRequestExpires, got.MaxRequestExpires)
	d.compare("max request bytes", want.MaxRequestMaxBytes, got.MaxRequestMaxBytes)
	return d.err("consumer " + want.Durable)
}

// unlimited returns -1 for both values by which the server says no limit, 0 and -1.
func unlimited(n int64) int64 {
	if n <= 0 {
		return -1
	}
	return n
}

func republish(c jetstream.StreamConfig) string {
	if c.RePublish == nil {
		return "off"
	}
	return c.RePublish.Source + " to " + c.RePublish.Destination
}

func transform(c jetstream.StreamConfig) string {
	if c.SubjectTransform == nil {
		return "off"
	}
	return c.SubjectTransform.Source + " to " + c.SubjectTransform.Destination
}

package natsbatch

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/gobatcher/batcher/natsbatch/internal/wire"
)

// Names of a queue with its defaults: streams, consumers and subjects.

func (q Queue) requestStream() string { return "bq_" + q.Namespace + "_req" }
func (q Queue) resultStream() string  { return "bq_" + q.Namespace + "_res" }
func (q Queue) deadStream() string    { return "bq_" + q.Namespace + "_dlq" }

func (q Queue) prefix() string { return "bq." + q.Namespace + "." }

func (q Queue) requestSubject(l line) string {
	return q.prefix() + "req." + q.Endpoint + "." + l.String()
}

func (q Queue) consumer(l line) string { return q.Endpoint + "_" + l.String() }

// replySubject is where a front end hears what became of its Do requests.
func (q Queue) replySubject(frontEnd string) string { return q.prefix() + "rep." + frontEnd }

func (q Queue) deadSubject() string { return q.prefix() + "dlq." + q.Endpoint }

// A result is stored under "res", and the server republishes it under "done".
const (
	stored = "res."
	done   = "done."
)

// of returns the subject of a front end's results.
func (q Queue) of(what, frontEnd string) string {
	return q.prefix() + what + q.Endpoint + "." + frontEnd
}

// envelopeSubject is where the outcomes of a whole envelope go.
func (q Queue) envelopeSubject(what, frontEnd string, envelope uint64) string {
	return q.of(what, frontEnd) + "." + strconv.FormatUint(envelope, 10)
}

// lettersSubject is the beginning of the subjects where letters are kept that their
// front end did not answer.
func (q Queue) lettersSubject(what, frontEnd string) string { return q.of(what, frontEnd) + ".do." }

// indexSubject is where the outcome of one request of an envelope goes that
// was not settled with the rest.
func (q Queue) indexSubject(what, frontEnd string, envelope, index uint64) string {
	return q.envelopeSubject(what, frontEnd, envelope) + "." + strconv.FormatUint(index, 10)
}

// keySubject is where the outcome of the request with a caller's own id goes.
func (q Queue) keySubject(what, id string) string {
	return q.of(what, "k") + "." + encodeID(id)
}

// encodeID returns a caller's own id in a form that can be anywhere in a message.
func encodeID(id string) string { return base64.RawURLEncoding.EncodeToString([]byte(id)) }

// partSubject is where the outcome of a request is stored that is settled
// alone.
func (q Queue) partSubject(e *wire.Envelope, r *wire.Request) string {
	if e.Kind == wire.KindKey {
		return q.keySubject(stored, r.ID)
	}
	return q.indexSubject(stored, e.From, e.Number, r.Index)
}

// streamOf returns the stream of a subject.
func (q Queue) streamOf(subject string) string {
	switch {
	case strings.HasPrefix(subject, q.prefix()+stored):
		return q.resultStream()
	case subject == q.deadSubject():
		return q.deadStream()
	}
	return q.requestStream()
}

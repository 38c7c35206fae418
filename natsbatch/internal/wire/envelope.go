package wire

import "encoding/binary"

// Envelope is requests that a front end handed in together, or what is left
// of them after some were answered.
type Envelope struct {
	Kind     Kind
	Priority uint8  // as natsbatch.Priority
	Part     bool   // not all that the front end handed in under this number
	Tries    int    // how often these requests have begun to run, as far as is known
	Suspect  int    // how often that ended in a crash, a panic or a timeout: they run in smaller batches
	DelayMS  uint64 // how long after it was stored they are to run
	Lives    int    // how often they came back from the dead letters
	From     string // the front end
	Number   uint64 // counts the front end's envelopes
	Reason   string // why they last failed, for people
	Requests []Request
}

// Request is one request in an envelope.
type Request struct {
	Index    uint64 // its place in the envelope as it was handed in
	ID       string // its own id, if Kind is KindKey
	Deadline int64  // Unix time in ms; 0: none
	Group    string // requests of one batch have the same
	Trace    string // trace context of the caller, or ""
	Payload  []byte
}

const partFlag = 0x80

// minRequest is the size of an empty request.
const minRequest = 6

// Size is about what the request takes in an envelope.
func (r *Request) Size() int {
	return len(r.ID) + len(r.Group) + len(r.Trace) + len(r.Payload) + 20
}

// Append appends the envelope's bytes to b.
func (e *Envelope) Append(b []byte) []byte {
	kind := byte(e.Kind)
	if e.Part {
		kind |= partFlag
	}
	b = append(b, Version, kind, e.Priority)
	b = binary.AppendUvarint(b, uint64(e.Tries))
	b = binary.AppendUvarint(b, uint64(e.Suspect))
	b = binary.AppendUvarint(b, e.DelayMS)
	b = binary.AppendUvarint(b, uint64(e.Lives))
	b = appendBytes(b, e.From)
	b = binary.AppendUvarint(b, e.Number)
	b = appendBytes(b, e.Reason)
	b = binary.AppendUvarint(b, uint64(len(e.Requests)))
	for i := range e.Requests {
		b = e.Requests[i].append(b)
	}
	return b
}

func (r *Request) append(b []byte) []byte {
	b = binary.AppendUvarint(b, r.Index)
	b = appendBytes(b, r.ID)
	b = binary.AppendVarint(b, r.Deadline)
	b = appendBytes(b, r.Group)
	b = appendBytes(b, r.Trace)
	return appendBytes(b, r.Payload)
}

// maxTries bounds the counters, which are small numbers in honest messages.
const maxTries = 1 << 20

// maxID is the longest id of a request, in bytes.
const maxID = 128

// isToken reports whether s can be part of a subject: 1 to 64 letters, digits,
// "-" and "_".
func isToken(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 64
}

// DecodeEnvelope reads an envelope. The payloads are parts of b. It returns
// ErrVersion or ErrMalformed, the latter also if it does not say where the outcomes
// go, or there are no requests.
func DecodeEnvelope(b []byte) (*Envelope, error) {
	r := &reader{rest: b}
	r.version()
	kind := r.byte()
	e := &Envelope{Kind: Kind(kind &^ partFlag), Part: kind&partFlag != 0}
	if e.Kind >= kinds {
		r.fail("unknown kind")
	}
	e.Priority = r.byte()
	e.Tries, e.Suspect = r.small(), r.small()
	e.DelayMS, e.Lives = r.uint(), r.small()
	if e.From = r.string(); r.err == nil && !isToken(e.From) {
		r.fail("the front end has no name")
	}
	e.Number = r.uint()
	e.Reason = r.string()
	n := r.count(minRequest)
	if r.err == nil && n == 0 {
		r.fail("no requests")
	}
	e.Requests = make([]Request, n)
	for i := range e.Requests {
		q := Request{Index: r.uint(), ID: r.string(), Deadline: r.int(),
			Group: r.string(), Trace: r.string(), Payload: r.bytes()}
		if r.err == nil && e.Kind == KindKey && (q.ID == "" || len(q.ID) > maxID) {
			r.fail("a key has no id, or one that is too long")
		}
		e.Requests[i] = q
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return e, nil
}

func (r *reader) small() int {
	n := r.uint()
	if n > maxTries {
		r.fail("a counter is out of range")
		return 0
	}
	return int(n)
}

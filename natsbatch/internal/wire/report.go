package wire

import "encoding/binary"

// Report is the outcomes of requests of one envelope. A reply to a front end
// is several of them in a row, a stored result is one.
type Report struct {
	Number   uint64 // of the envelope
	Split    bool   // the rest of the envelope's outcomes is stored one by one
	Outcomes []Outcome
}

// Outcome is what became of one request.
type Outcome struct {
	Index  uint64
	Status Status
	Data   []byte // the result, or the text of the error
}

// Status says what an Outcome is.
type Status uint8

const (
	// StatusOK is a result.
	StatusOK Status = iota
	// StatusFailed is Func's error.
	StatusFailed
	// StatusExpired means that the deadline passed before the request ran.
	StatusExpired
	// StatusDead means that it went to the dead letters.
	StatusDead
	// StatusTooLarge means that it ran and its result exceeds the limit.
	StatusTooLarge

	statuses
)

// minOutcome is the size of an empty outcome.
const minOutcome = 3

// Size is about what the outcome takes in a report.
func (o *Outcome) Size() int { return len(o.Data) + 10 }

// AppendReports appends the bytes of a message with these reports to b.
func AppendReports(b []byte, reports ...Report) []byte {
	b = append(b, Version)
	b = binary.AppendUvarint(b, uint64(len(reports)))
	for i := range reports {
		b = reports[i].append(b)
	}
	return b
}

func (p *Report) append(b []byte) []byte {
	b = binary.AppendUvarint(b, p.Number)
	split := byte(0)
	if p.Split {
		split = 1
	}
	b = append(b, split)
	b = binary.AppendUvarint(b, uint64(len(p.Outcomes)))
	for _, o := range p.Outcomes {
		b = binary.AppendUvarint(b, o.Index)
		b = append(b, byte(o.Status))
		b = appendBytes(b, o.Data)
	}
	return b
}

// minReport is the size of an empty report.
const minReport = 3

// DecodeReports reads a message of reports. The data are parts of b. It
// returns ErrVersion or ErrMalformed.
func DecodeReports(b []byte) ([]Report, error) {
	r := &reader{rest: b}
	r.version()
	reports := make([]Report, r.count(minReport))
	for i := range reports {
		reports[i].read(r)
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return reports, nil
}

func (p *Report) read(r *reader) {
	p.Number = r.uint()
	switch r.byte() {
	case 0:
	case 1:
		p.Split = true
	default:
		r.fail("a flag is neither 0 nor 1")
	}
	n := r.count(minOutcome)
	if n > 0 {
		p.Outcomes = make([]Outcome, n)
	}
	for i := range p.Outcomes {
		o := &p.Outcomes[i]
		o.Index, o.Status, o.Data = r.uint(), Status(r.byte()), r.bytes()
		if o.Status >= statuses {
			r.fail("unknown status")
		}
	}
}

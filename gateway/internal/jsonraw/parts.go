package jsonraw

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Span is where a part of a text stands.
type Span struct{ Start, End int }

// Of returns the part, without copying it.
func (s Span) Of(data []byte) []byte { return data[s.Start:s.End:s.End] }

// Kind returns the first byte of the value in data, which is valid: one of
// { [ " - t f n N I or a digit; 0 if there is none.
func Kind(data []byte) byte {
	if at := space(data, 0); at < len(data) {
		return data[at]
	}
	return 0
}

// Scalar returns the length of the string, number or literal that data begins
// with, and 1 if it begins with none.
func Scalar(data []byte) int {
	if end, err := (&Scanner{data: data}).value(0, maxDepth); err == nil {
		return end
	}
	return 1
}

// ErrMany says that an array has more elements than there may be.
var ErrMany = errors.New("JSON array has too many elements")

// Elements returns the elements of the array in data, without copying them. It
// fails if data is not a valid array, and with ErrMany if there are more than
// most, unless that is zero.
func Elements(data []byte, most int) ([][]byte, error) {
	at := space(data, 0)
	if at >= len(data) || data[at] != '[' {
		return nil, errors.New("JSON is not an array")
	}
	g := gatherer{Scanner: Scanner{data: data}, depth: 1, most: most}
	end, err := g.elements(at, 1, g.element)
	if err == nil {
		err = alone(data, end)
	}
	if err != nil {
		return nil, err
	}
	return g.all, nil
}

// gatherer gathers the elements of an array. It is on the heap: a server may have
// thousands of texts under way, and the stack under which they are read is deep.
type gatherer struct {
	Scanner
	depth int // of the elements
	most  int // zero: any number
	all   [][]byte
	first [1][]byte // room for all, while it is one, as of most calls
}

// element takes the element that begins at at, and returns its end.
func (g *gatherer) element(at int) (end int, err error) {
	if end, err = g.value(at, g.depth); err == nil {
		err = g.keep(at, end)
	}
	return end, err
}

func (g *gatherer) keep(at, end int) error {
	if g.most > 0 && len(g.all) == g.most {
		return ErrMany
	}
	if g.all == nil {
		g.all = g.first[:0]
	}
	g.all = append(g.all, Span{at, end}.Of(g.data))
	return nil
}

// Members calls each for the members of the object in data, in their order,
// with the decoded name and the place of the value. It fails if data is not a
// valid object or if a name comes twice: readers differ on what such an object
// means.
func Members(data []byte, each func(name string, value Span)) error {
	return new(Scanner).Members(data, each)
}

// Members is the function Members.
func (s *Scanner) Members(data []byte, each func(name string, value Span)) error {
	s.data = data
	at := space(data, 0)
	if at >= len(data) || data[at] != '{' {
		return errors.New("JSON is not an object")
	}
	var seen names
	end, err := s.members(at, 1, func(m member) (int, error) {
		name := Name(data[m.name:m.nameEnd])
		if err := seen.add(name, m.name); err != nil {
			return m.start, err
		}
		end, err := s.value(m.start, 1)
		if err == nil {
			each(name, Span{m.start, end})
		}
		return end, err
	})
	if err == nil {
		err = alone(data, end)
	}
	return err
}

// Name decodes a valid string, quotes included.
func Name(quoted []byte) string {
	if !bytes.ContainsRune(quoted, '\\') {
		return string(quoted[1 : len(quoted)-1])
	}
	var name string
	_ = json.Unmarshal(quoted, &name) // valid: it cannot fail
	return name
}

// AppendCompact appends data, a valid text or a part of one that does not
// begin or end within a string, without the white space between its tokens.
func AppendCompact(dst, data []byte) []byte {
	for at := 0; at < len(data); {
		switch c := data[at]; {
		case isSpace(c):
			at++
		case c == '"':
			end, err := (&Scanner{data: data}).text(at)
			if err != nil {
				end = len(data)
			}
			dst = append(dst, data[at:end]...)
			at = end
		default:
			dst = append(dst, c)
			at++
		}
	}
	return dst
}

// hole stands in a frame for what was cut out. No JSON text contains it.
const hole = 0

// Cut returns the frame of a part of a valid text: the text around it, compact.
func Cut(data []byte, part Span) []byte {
	frame := make([]byte, 0, len(data)-(part.End-part.Start)+1)
	frame = append(AppendCompact(frame, data[:part.Start]), hole)
	return AppendCompact(frame, data[part.End:])
}

// Fill returns frame with an array of items in place of what was cut out. An
// empty frame becomes the array alone.
func Fill(frame []byte, items [][]byte) []byte {
	head, tail, _ := bytes.Cut(frame, []byte{hole})
	size := len(frame) + 2
	for _, item := range items {
		size += len(item) + 1
	}
	return append(AppendArray(append(make([]byte, 0, size), head...), items), tail...)
}

// AppendArray appends the array of items to dst.
func AppendArray(dst []byte, items [][]byte) []byte {
	dst = append(dst, '[')
	for i, item := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, item...)
	}
	return append(dst, ']')
}

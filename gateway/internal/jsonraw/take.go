package jsonraw

import (
	"errors"
	"fmt"
)

// ErrNoArray says that what a pointer leads to is not an array.
var ErrNoArray = errors.New("JSON is not an array where one should be")

// Take checks data as Valid does, finds the array that p points to, and returns
// where it stands and its elements, all in one pass. ok is false if there is
// nothing at p. Take fails with ErrNoArray if p leads to something other than an
// array, with ErrMany if there are more elements than most, unless that is zero,
// and if an object on the way has two members of the name, on which readers
// differ.
func (p Pointer) Take(data []byte, most int) (array Span, elements [][]byte, ok bool, err error) {
	return new(Scanner).Take(p, data, most)
}

// Take is p.Take.
func (s *Scanner) Take(p Pointer, data []byte, most int) (array Span, elements [][]byte, ok bool, err error) {
	t := taker{gatherer: gatherer{Scanner: Scanner{data: data}, most: most}}
	end, err := t.find(space(data, 0), 0, p)
	s.Odd = s.Odd || t.Odd
	if err == nil {
		err = rest(data, end)
	}
	switch {
	case err != nil:
		return Span{}, nil, false, err
	case t.other:
		return Span{}, nil, false, ErrNoArray
	}
	return t.at, t.all, t.found, nil
}

// taker is one pass of Take.
type taker struct {
	gatherer
	at    Span
	found bool
	other bool // what was found is not an array
}

// find returns the end of the value that begins at at, which is on the way; left
// is the rest of the pointer.
func (t *taker) find(at, depth int, left Pointer) (end int, err error) {
	if at < len(t.data) && len(left) > 0 {
		switch t.data[at] {
		case '{':
			return t.object(at, depth+1, left)
		case '[':
			return t.array(at, depth+1, left)
		}
	}
	if len(left) > 0 {
		return t.value(at, depth)
	}
	t.found = true
	if at >= len(t.data) || t.data[at] != '[' {
		t.other = true
		return t.value(at, depth)
	}
	t.depth = depth + 1
	end, err = t.elements(at, t.depth, t.element)
	t.at = Span{at, end}
	return end, err
}

// object is find for an object that is passed through.
func (t *taker) object(at, depth int, left Pointer) (end int, err error) {
	seen := false
	return t.members(at, depth, func(m member) (int, error) {
		if !isNamed(t.data[m.name:m.nameEnd], left[0]) {
			return t.value(m.start, depth)
		}
		if seen {
			return m.start, fmt.Errorf("JSON: %q occurs twice in an object", left[0])
		}
		seen = true
		return t.find(m.start, depth, left[1:])
	})
}

// array is find for an array that is passed through.
func (t *taker) array(at, depth int, left Pointer) (end int, err error) {
	want, ok := index(left[0])
	i := -1
	return t.elements(at, depth, func(at int) (int, error) {
		if i++; ok && i == want {
			return t.find(at, depth, left[1:])
		}
		return t.value(at, depth)
	})
}

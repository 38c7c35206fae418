package jsonraw

import (
	"errors"
	"fmt"
)

// Each calls each for the elements of the array in data, in their order, with
// their places. It fails if data is not a valid array; what each was called with
// before is worth nothing then.
func Each(data []byte, each func(element Span)) error {
	at := space(data, 0)
	if at >= len(data) || data[at] != '[' {
		return errors.New("JSON is not an array")
	}
	s := Scanner{data: data}
	end, err := s.elements(at, 1, func(at int) (int, error) {
		end, err := s.value(at, 1)
		if err == nil {
			each(Span{at, end})
		}
		return end, err
	})
	if err == nil {
		err = alone(data, end)
	}
	return err
}

// Edit appends the new value of a member to dst, which holds what comes before
// it, or returns nil to leave the member out.
type Edit func(dst []byte, name string, value []byte) []byte

// Rewrite appends the object in data to dst with the values that edit appends
// for its members. Names are copied as they are written. It fails like Members.
func Rewrite(dst, data []byte, edit Edit) ([]byte, error) {
	return new(Scanner).Rewrite(dst, data, edit)
}

// Rewrite is the function Rewrite.
func (s *Scanner) Rewrite(dst, data []byte, edit Edit) ([]byte, error) {
	w := rewriter{Scanner{data: data}, dst, edit}
	at := space(data, 0)
	end, err := w.object(at, 1)
	s.Odd = s.Odd || w.Odd
	if err == nil {
		err = alone(data, end)
	}
	return w.dst, err
}

// RewriteEach is Rewrite for the objects of an array, after each of which it
// calls done. It stops with done's error.
func RewriteEach(dst, data []byte, edit Edit, done func() error) ([]byte, error) {
	w := rewriter{Scanner{data: data}, append(dst, '['), edit}
	at, first := space(data, 0), true
	if at >= len(data) || data[at] != '[' {
		return w.dst, ErrNoArray
	}
	end, err := w.elements(at, 1, func(at int) (int, error) {
		if !first {
			w.dst = append(w.dst, ',')
		}
		first = false
		end, err := w.object(at, 2)
		if err == nil {
			err = done()
		}
		return end, err
	})
	if err == nil {
		err = alone(data, end)
	}
	return append(w.dst, ']'), err
}

// rewriter is one pass of Rewrite.
type rewriter struct {
	Scanner
	dst  []byte
	edit Edit
}

// object returns the end of the object that begins at at.
func (w *rewriter) object(at, depth int) (end int, err error) {
	if at >= len(w.data) || w.data[at] != '{' {
		return at, errors.New("JSON is not an object")
	}
	var seen names
	empty := true
	w.dst = append(w.dst, '{')
	end, err = w.members(at, depth, func(m member) (int, error) {
		name := Name(w.data[m.name:m.nameEnd])
		if err := seen.add(name, m.name); err != nil {
			return m.start, err
		}
		end, err := w.value(m.start, depth)
		if err != nil {
			return end, err
		}
		before := len(w.dst)
		if !empty {
			w.dst = append(w.dst, ',')
		}
		edited := w.edit(append(w.dst, w.data[m.name:m.start]...), name, Span{m.start, end}.Of(w.data))
		if edited == nil {
			w.dst = w.dst[:before]
			return end, nil
		}
		w.dst, empty = edited, false
		return end, nil
	})
	w.dst = append(w.dst, '}')
	return end, err
}

// Records goes once through the object in data and calls each for its members, as
// Members does. Before it calls each for the member named list, an array of
// objects, it calls record for every element, with the places of the element and
// of its member named field; that is zero if there is none. It fails like
// Members, and if list is no array, an element of it no object, or field stands
// twice in one.
func Records(data []byte, list, field string, record func(element, field Span), each func(name string, value Span)) error {
	at := space(data, 0)
	if at >= len(data) || data[at] != '{' {
		return errors.New("JSON is not an object")
	}
	s := Scanner{data: data}
	var seen names
	end, err := s.members(at, 1, func(m member) (end int, err error) {
		name := Name(data[m.name:m.nameEnd])
		if err := seen.add(name, m.name); err != nil {
			return m.start, err
		}
		if name == list {
			end, err = s.records(m.start, field, record)
		} else {
			end, err = s.value(m.start, 1)
		}
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

// records returns the end of the array of objects that begins at at.
func (s *Scanner) records(at int, field string, record func(element, field Span)) (end int, err error) {
	data := s.data
	if at >= len(data) || data[at] != '[' {
		return at, ErrNoArray
	}
	return s.elements(at, 2, func(at int) (int, error) {
		if at >= len(data) || data[at] != '{' {
			return at, errors.New("JSON is not an object where one should be")
		}
		var found Span
		end, err := s.members(at, 3, func(m member) (int, error) {
			end, err := s.value(m.start, 3)
			if err == nil && isNamed(data[m.name:m.nameEnd], field) {
				if found != (Span{}) {
					return end, fmt.Errorf("JSON: %q occurs twice in an object", field)
				}
				found = Span{m.start, end}
			}
			return end, err
		})
		if err == nil {
			record(Span{at, end}, found)
		}
		return end, err
	})
}

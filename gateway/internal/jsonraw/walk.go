package jsonraw

import (
	"errors"
	"fmt"
)

// Each calls each for the elements of the array in data, in their order, with
// where they stand. It fails if data is not a valid array; what each was told
// before then holds nothing.
func Each(data []byte, each func(element Span)) error {
	at := space(data, 0)
	if at >= len(data) || data[at] != '[' {
		return errors.New("JSON is not an array")
	}
	end, err := array(data, at, 1, func(start, end int) { each(Span{start, end}) })
	if err == nil && space(data, end) < len(data) {
		err = unexpected(data, space(data, end), "after the value")
	}
	return err
}

// Rewrite appends the object in data to dst with other values: edit appends
// the value that a member shall have, to what dst is by then, or gives nil to
// leave the member out. Names and values that it appends as they are stay as
// they are written. It fails like Members.
func Rewrite(dst, data []byte, edit func(dst []byte, name string, value []byte) []byte) ([]byte, error) {
	dst = append(dst, '{')
	done, empty := space(data, 0)+1, true
	err := Members(data, func(name string, value Span) {
		lead := space(data, done)
		if data[lead] == ',' {
			lead = space(data, lead+1)
		}
		done = value.End
		before := len(dst)
		if !empty {
			dst = append(dst, ',')
		}
		edited := edit(append(dst, data[lead:value.Start]...), name, value.Of(data))
		if edited == nil {
			dst = dst[:before]
			return
		}
		dst, empty = edited, false
	})
	return append(dst, '}'), err
}

// Records goes once through the object in data. It calls member for each of
// its members, as Members does, after it has called record for the elements
// of the array that the member list is, with where the element and its member
// field stand; that is zero where there is none. It fails like Members, and
// if list is no array, an element of it no object, or field stands twice.
func Records(data []byte, list, field string, record func(element, field Span), each func(name string, value Span)) error {
	at := space(data, 0)
	if at >= len(data) || data[at] != '{' {
		return errors.New("JSON is not an object")
	}
	var seen names
	end, err := members(data, at, 1, func(m member) (end int, err error) {
		name := Name(data[m.name:m.nameEnd])
		if seen.add(name) {
			return m.start, fmt.Errorf("JSON: %q stands twice in an object", name)
		}
		if name == list {
			end, err = records(data, m.start, field, record)
		} else {
			end, err = value(data, m.start, 1)
		}
		if err == nil {
			each(name, Span{m.start, end})
		}
		return end, err
	})
	if err == nil && space(data, end) < len(data) {
		err = unexpected(data, space(data, end), "after the value")
	}
	return err
}

// records gives the end of the array of objects that begins at at.
func records(data []byte, at int, field string, record func(element, field Span)) (end int, err error) {
	if at >= len(data) || data[at] != '[' {
		return at, ErrNoArray
	}
	return elements(data, at, 2, func(at int) (int, error) {
		if at >= len(data) || data[at] != '{' {
			return at, errors.New("JSON is not an object where one should be")
		}
		var found Span
		end, err := members(data, at, 3, func(m member) (int, error) {
			end, err := value(data, m.start, 3)
			if err == nil && isNamed(data[m.name:m.nameEnd], field) {
				if found != (Span{}) {
					return end, fmt.Errorf("JSON: %q stands twice in an object", field)
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

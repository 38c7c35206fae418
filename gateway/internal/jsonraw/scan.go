// Package jsonraw finds its way in JSON without decoding it: it checks that a
// text is JSON (RFC 8259), and tells where its parts begin and end, so that
// they can be copied byte by byte. NaN, Infinity and -Infinity pass for numbers,
// as TensorFlow Serving and the json of Python write them.
package jsonraw

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Scanner goes through texts. The functions of this package that have its
// methods' names are for texts of which it does not matter whether they are odd.
type Scanner struct {
	// Odd is set if a text that the Scanner went through holds something that
	// not every parser takes: see odd.go. It is never reset.
	Odd bool

	data []byte
}

// maxDepth is how deep arrays and objects may nest; encoding/json has such a limit
// too. A text of nothing but brackets must not exhaust the stack.
const maxDepth = 1000

// ErrDepth says that a text nests too deeply.
var ErrDepth = errors.New("JSON nests too deeply")

// Valid returns an error if data is not one JSON value with nothing but white
// space around it. Unlike encoding/json it requires UTF-8, as the RFC does: a
// server that insists on it would refuse a whole batch.
func Valid(data []byte) error { return new(Scanner).Valid(data) }

// Valid is the function Valid.
func (s *Scanner) Valid(data []byte) error {
	s.data = data
	end, err := s.value(space(data, 0), 0)
	if err != nil {
		return err
	}
	return rest(data, end)
}

// rest returns an error if more than white space follows the value in data, which
// is valid, or if data is not UTF-8.
func rest(data []byte, end int) error {
	if err := alone(data, end); err != nil {
		return err
	}
	if !utf8.Valid(data) {
		return errors.New("JSON is not UTF-8")
	}
	return nil
}

// alone returns an error if more than white space follows the value that ends at end.
func alone(data []byte, end int) error {
	if end = space(data, end); end < len(data) {
		return unexpected(data, end, "after the value")
	}
	return nil
}

// space returns the first place from at on that holds no white space.
func space(data []byte, at int) int {
	for at < len(data) && isSpace(data[at]) {
		at++
	}
	return at
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// value returns the end of the value that begins at at.
func (s *Scanner) value(at, depth int) (end int, err error) {
	data := s.data
	if at >= len(data) {
		return at, unexpected(data, at, "instead of a value")
	}
	switch c := data[at]; {
	case c == '"':
		return s.text(at)
	case c == '{':
		return s.members(at, depth+1, nil)
	case c == '[':
		return s.elements(at, depth+1, nil)
	case c == '-' || isDigit(c):
		return s.number(at)
	case c == 't':
		return literal(data, at, "true")
	case c == 'f':
		return literal(data, at, "false")
	case c == 'n':
		return literal(data, at, "null")
	case c == 'N':
		return s.infinite(at, "NaN")
	case c == 'I':
		return s.infinite(at, "Infinity")
	}
	return at, unexpected(data, at, "instead of a value")
}

// elements returns the end of the array that begins at at. It calls element for
// the end of the element that begins at a place; nil is value.
func (s *Scanner) elements(at, depth int, element func(at int) (end int, err error)) (end int, err error) {
	if err := s.enter(depth); err != nil {
		return at, err
	}
	data := s.data
	at = space(data, at+1)
	if at < len(data) && data[at] == ']' {
		return at + 1, nil
	}
	for {
		if element != nil {
			at, err = element(at)
		} else {
			at, err = s.value(at, depth)
		}
		if err != nil {
			return at, err
		}
		at = space(data, at)
		switch {
		case at < len(data) && data[at] == ',':
			at = space(data, at+1)
		case at < len(data) && data[at] == ']':
			return at + 1, nil
		default:
			return at, unexpected(data, at, "in an array")
		}
	}
}

// member is where the name of a member of an object, quotes included, and its
// value stand.
type member struct{ name, nameEnd, start int }

// members returns the end of the object that begins at at. It calls of for the
// end of a member's value; nil is value.
func (s *Scanner) members(at, depth int, of func(member) (end int, err error)) (end int, err error) {
	if err := s.enter(depth); err != nil {
		return at, err
	}
	data := s.data
	at = space(data, at+1)
	if at < len(data) && data[at] == '}' {
		return at + 1, nil
	}
	for {
		m := member{name: at}
		if m.nameEnd, m.start, err = s.name(at); err != nil {
			return at, err
		}
		if of != nil {
			at, err = of(m)
		} else {
			at, err = s.value(m.start, depth)
		}
		if err != nil {
			return at, err
		}
		at = space(data, at)
		switch {
		case at < len(data) && data[at] == ',':
			at = space(data, at+1)
		case at < len(data) && data[at] == '}':
			return at + 1, nil
		default:
			return at, unexpected(data, at, "in an object")
		}
	}
}

// name returns the end of the name that begins at at, and where its value begins.
func (s *Scanner) name(at int) (end, value int, err error) {
	data := s.data
	if at >= len(data) || data[at] != '"' {
		return at, at, unexpected(data, at, "instead of a name")
	}
	if end, err = s.text(at); err != nil {
		return end, end, err
	}
	if end-at >= shortOddName {
		s.called(data[at:end])
	}
	at = space(data, end)
	if at >= len(data) || data[at] != ':' {
		return end, at, unexpected(data, at, "after a name")
	}
	return end, space(data, at+1), nil
}

// plain tells which bytes stand for themselves in a string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 256; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// text returns the end of the string that begins at at.
func (s *Scanner) text(at int) (end int, err error) {
	data := s.data
	for at++; ; at++ {
		for at < len(data) && plain[data[at]] {
			at++
		}
		switch {
		case at < len(data) && data[at] == '"':
			return at + 1, nil
		case at < len(data) && data[at] == '\\':
			if at, err = s.escape(at); err != nil {
				return at, err
			}
		default:
			return at, unexpected(data, at, "in a string")
		}
	}
}

// escape returns the last place of the escape that begins at at.
func (s *Scanner) escape(at int) (last int, err error) {
	data := s.data
	at++
	if at < len(data) {
		switch data[at] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			return at, nil
		case 'u':
			for range 4 {
				if at++; at >= len(data) || !isHex(data[at]) {
					return at, unexpected(data, at, "in an escape")
				}
			}
			return s.unit(at - 5), nil
		}
	}
	return at, unexpected(data, at, "in an escape")
}

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func literal(data []byte, at int, word string) (end int, err error) {
	if end = at + len(word); end <= len(data) && string(data[at:end]) == word {
		return end, nil
	}
	return at, unexpected(data, at, "instead of a value")
}

func unexpected(data []byte, at int, where string) error {
	if at >= len(data) {
		return errors.New("JSON ends too early")
	}
	return fmt.Errorf("JSON: unexpected %q at byte %d, %s", data[at], at, where)
}

package jsonraw

import (
	"fmt"
	"strconv"
	"strings"
)

// Pointer is a parsed JSON Pointer (RFC 6901): the names and indices on the
// way to a value.
type Pointer []string

// ParsePointer reads a pointer: "" for the whole text, "/a/0/b" for a part.
func ParsePointer(s string) (Pointer, error) {
	if s == "" {
		return nil, nil
	}
	if s[0] != '/' {
		return nil, fmt.Errorf("JSON Pointer %q does not begin with /", s)
	}
	tokens := strings.Split(s[1:], "/")
	for i, token := range tokens {
		for at := range len(token) {
			if token[at] == '~' && (at+1 == len(token) || token[at+1] != '0' && token[at+1] != '1') {
				return nil, fmt.Errorf("JSON Pointer %q: ~ must be written ~0", s)
			}
		}
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
	}
	return tokens, nil
}

// Find gives where in data, a valid text, the value stands that p points to;
// false if there is none. It fails if an object on the way has two members of
// the name: which of them counts depends on who reads it.
func (p Pointer) Find(data []byte) (Span, bool, error) {
	at := space(data, 0)
	end, err := value(data, at, 0)
	found := Span{at, end}
	for _, token := range p {
		if err != nil {
			break
		}
		var next Span
		var n int
		switch data[found.Start] {
		case '{':
			next, n, err = named(data, found.Start, token)
		case '[':
			next, n, err = indexed(data, found.Start, token)
		}
		if err == nil && n > 1 {
			err = fmt.Errorf("JSON: %q stands twice in an object", token)
		}
		if n == 0 {
			return Span{}, false, err
		}
		found = next
	}
	return found, err == nil, err
}

// named finds the members of a name in the object at at, and counts them.
func named(data []byte, at int, name string) (found Span, n int, err error) {
	_, err = object(data, at, 0, func(m member) {
		if isNamed(data[m.name:m.nameEnd], name) {
			found = Span{m.start, m.end}
			n++
		}
	})
	return found, n, err
}

// isNamed reports whether a valid string, quotes included, is name.
func isNamed(quoted []byte, name string) bool {
	plain := quoted[1 : len(quoted)-1]
	return string(plain) == name || len(plain) > len(name) && Name(quoted) == name
}

// indexed finds the element of an index in the array at at.
func indexed(data []byte, at int, token string) (found Span, n int, err error) {
	want, ok := index(token)
	i := -1
	_, err = array(data, at, 0, func(start, end int) {
		if i++; ok && i == want {
			found, n = Span{start, end}, 1
		}
	})
	return found, n, err
}

// index reads a token that is an index: digits without leading zeros.
func index(token string) (int, bool) {
	i, err := strconv.ParseUint(token, 10, 31)
	return int(i), err == nil && (token == "0" || token[0] != '0')
}

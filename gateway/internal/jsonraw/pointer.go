package jsonraw

import (
	"fmt"
	"strconv"
	"strings"
)

// Pointer is a parsed JSON Pointer (RFC 6901): the names and indices on the way
// to a value.
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

// isNamed reports whether a valid string, quotes included, is name.
func isNamed(quoted []byte, name string) bool {
	plain := quoted[1 : len(quoted)-1]
	return string(plain) == name || len(plain) > len(name) && Name(quoted) == name
}

// index reads a token that is an index: digits without leading zeros.
func index(token string) (int, bool) {
	i, err := strconv.ParseUint(token, 10, 31)
	return int(i), err == nil && (token == "0" || token[0] != '0')
}

package serve

import (
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"
)

// byteOrderMark is what some editors put before a text.
const byteOrderMark = "\ufeff"

// mostBytes of a file that the configuration names: as many as it may have itself.
const mostBytes = 1 << 20

// read reads one of the files that the configuration names.
func (s *server) read(name string) ([]byte, error) {
	text, err := s.once.Read(name, mostBytes+1)
	if len(text) > mostBytes {
		return nil, fmt.Errorf("%s is longer than 1MiB", name)
	}
	return text, err
}

// readTokens returns the tokens in a file; nil if name is "".
func (s *server) readTokens(name string) (tokens []string, err error) {
	if name == "" {
		return nil, nil
	}
	text, err := s.read(name)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(strings.TrimPrefix(string(text), byteOrderMark)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		if !httpguts.ValidHeaderFieldValue(line) { // such as UTF-16
			return nil, fmt.Errorf("%s holds characters that no header can", name)
		}
		if strings.ContainsAny(line, " \t") { // no caller could show it
			return nil, fmt.Errorf("%s holds a line with a space in it, which no token has; a comment begins its line with #", name)
		}
		tokens = append(tokens, line)
	}
	if len(tokens) == 0 {
		return nil, fmt.Errorf("%s holds no token: every request would be refused", name)
	}
	return tokens, nil
}

// readToken returns the header with the token in a file; nil if name is "".
func (s *server) readToken(name string) (http.Header, error) {
	if name == "" {
		return nil, nil
	}
	text, err := s.read(name)
	if err != nil {
		return nil, err
	}
	token := strings.TrimSpace(strings.TrimPrefix(string(text), byteOrderMark))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return nil, fmt.Errorf("%s holds no token, or more than one", name)
	}
	if strings.ContainsFunc(token, unicode.IsControl) || !utf8.ValidString(token) {
		return nil, fmt.Errorf("%s holds characters that no header can", name)
	}
	return http.Header{"Authorization": {"Bearer " + token}}, nil
}

package serve

import (
	"fmt"
	"net/http"
	"os"
	"strings"
)

// readTokens gives the tokens in a file; nil if name is "".
func readTokens(name string) (tokens []string, err error) {
	if name == "" {
		return nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			tokens = append(tokens, line)
		}
	}
	if len(tokens) == 0 {
		return nil, fmt.Errorf("%s holds no token: nobody could come in", name)
	}
	return tokens, nil
}

// readToken gives the header that shows the token in a file; nil if name is "".
func readToken(name string) (http.Header, error) {
	if name == "" {
		return nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return nil, fmt.Errorf("%s holds no token, or more than one", name)
	}
	return http.Header{"Authorization": {"Bearer " + token}}, nil
}

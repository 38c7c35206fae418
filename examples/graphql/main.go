// Command graphql shows the cure for the N+1 problem: a GraphQL server whose
// resolvers ask for one author and one post's comments at a time, once
// straight from the back end and once through loaders, which a middleware
// makes for each request. The answers are the same; the calls to the back end
// are not.
//
//	go run ./examples/graphql
//
// It needs nothing: the back end is a stand-in, and the server (of
// github.com/graph-gophers/graphql-go) listens on this machine only.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
)

const query = `{ posts(first: 30) { title author { name } comments { text author { name } } } }`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "graphql:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	fmt.Fprintf(out, "%s\n\n%-24s %14s %10s\n", query, "", "back-end calls", "rows read")
	straight, err := serve(ctx, out, "without loaders", direct)
	if err != nil {
		return err
	}
	loaded, err := serve(ctx, out, "loaders for each request", withLoaders)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nThe answers are the same: %t.\n", bytes.Equal(straight, loaded))
	return nil
}

// serve starts a server whose requests get their data from what newSource
// makes, sends it the query, and prints what that cost the back end.
func serve(ctx context.Context, out io.Writer, name string, newSource func(*backend) source) (answer []byte, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := newBackend()
	server := &http.Server{Handler: newHandler(b, newSource)}
	defer server.Close()
	go server.Serve(listener) // until it is closed

	answer, err = ask(ctx, "http://"+listener.Addr().String(), query)
	if err != nil {
		return nil, err
	}
	calls, rows := b.work()
	fmt.Fprintf(out, "%-24s %14d %10d\n", name, calls, rows)
	return answer, nil
}

// ask sends a query and gives the data of the answer.
func ask(ctx context.Context, url, query string) ([]byte, error) {
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		return nil, err
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(post)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if len(answer.Errors) > 0 {
		return nil, errors.New(answer.Errors[0].Message)
	}
	return answer.Data, nil
}

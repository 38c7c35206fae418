// Command postgres shows what batching does for PostgreSQL: many goroutines
// insert and look up rows, one by one and batched (COPY, an INSERT of many
// rows, = ANY), and the rates are printed side by side; then a bad row is
// refused alone and its neighbours are stored.
//
//	export DATABASE_URL=$(examples/postgres/server.sh start)
//	go run ./examples/postgres
//	examples/postgres/server.sh stop
//
// It works with any PostgreSQL that DATABASE_URL names, in a schema of its own,
// which it drops at the end.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
)

var errNoURL = errors.New(`DATABASE_URL is not set. With Debian's PostgreSQL, a server to try this on is one command:

	export DATABASE_URL=$(examples/postgres/server.sh start)
	go run ./examples/postgres
	examples/postgres/server.sh stop`)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, os.Getenv("DATABASE_URL"))
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "postgres:", err)
	if errors.Is(err, errNoURL) {
		os.Exit(2)
	}
	os.Exit(1)
}

func run(ctx context.Context, out io.Writer, url string) (err error) {
	if url == "" {
		return errNoURL
	}
	s, err := open(ctx, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	if err := race(ctx, out, s); err != nil {
		return err
	}
	return refuse(ctx, out, s)
}

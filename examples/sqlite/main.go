// Command sqlite shows what batching does for an embedded database: many
// goroutines insert and look up rows, one by one and batched, and the rates are
// printed side by side; then bad rows are refused alone and their neighbours
// are stored.
//
//	go run ./examples/sqlite
//
// It needs nothing: SQLite is linked in (modernc.org/sqlite, pure Go), and the
// database is a file in a temporary folder, with SQLite's default durability:
// a commit is on the disk before it is answered.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sqlite:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	folder, err := os.MkdirTemp("", "batcher-sqlite-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	s, err := open(ctx, folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()

	if err := race(ctx, out, s); err != nil {
		return err
	}
	return refuse(ctx, out, s)
}

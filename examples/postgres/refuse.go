package main

import (
	"context"
	"fmt"
	"io"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

// refuse inserts eight rows, of which the sixth breaks a constraint, as one
// batch, and prints what became of each.
func refuse(ctx context.Context, out io.Writer, s *store) error {
	statements := 0
	insertMany := func(ctx context.Context, orders []order) ([]int64, error) {
		statements++
		return s.insertMany(ctx, orders)
	}
	// One statement stores all rows or none. Isolate runs it again in halves
	// until the bad row is alone.
	batch := batcher.NewBatch(middleware.Isolate(insertMany, rowFault, 0), batcher.BatchOptions{})
	for i := range 8 {
		o := order{Reference: fmt.Sprint("isolate-", i+1), Quantity: 1}
		if i == 5 {
			o.Quantity = 0
		}
		if _, err := batch.Add(ctx, o); err != nil {
			return err
		}
	}
	if err := batch.Start(); err != nil {
		return err
	}
	results, err := batch.Results(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "\nEight rows by one statement and middleware.Isolate, the sixth row is bad:")
	stored := 0
	for i, r := range results {
		if r.Err == nil {
			stored++
		} else {
			fmt.Fprintf(out, "  row %d is refused: %v\n", i+1, r.Err)
		}
	}
	fmt.Fprintf(out, "  %d rows are stored\n  it took %d statements\n", stored, statements)
	return nil
}

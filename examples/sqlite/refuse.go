package main

import (
	"context"
	"fmt"
	"io"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

// refuse inserts a batch with a row that breaks a constraint, both ways.
func refuse(ctx context.Context, out io.Writer, s *store) error {
	statements := 0
	insertMany := func(ctx context.Context, orders []order) ([]int64, error) {
		statements++
		return s.insertMany(ctx, orders)
	}
	// One statement stores all rows or none. Isolate runs it again in halves
	// until the bad row is alone.
	isolated := middleware.Isolate(insertMany, rowFault, 0)
	fmt.Fprintln(out, "\nEight rows by one statement and middleware.Isolate, the sixth row is bad:")
	if err := insertBad(ctx, out, "isolate", isolated); err != nil {
		return err
	}
	fmt.Fprintf(out, "  it took %d statements\n", statements)

	// In a transaction each row has an error of its own, so there is nothing to isolate.
	fmt.Fprintln(out, "\nEight rows in one transaction, the sixth row is bad:")
	return insertBad(ctx, out, "transaction", s.insertAll)
}

// insertBad inserts eight rows, of which the sixth is bad, as one batch, and
// prints what became of each. name makes their references unique.
func insertBad(ctx context.Context, out io.Writer, name string, insert batcher.Func[order, int64]) error {
	batch := batcher.NewBatch(insert, batcher.BatchOptions{})
	for i := range 8 {
		o := order{Reference: fmt.Sprintf("%s-%d", name, i+1), Quantity: 1}
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
	stored := 0
	for i, r := range results {
		if r.Err == nil {
			stored++
		} else {
			fmt.Fprintf(out, "  row %d is refused: %v\n", i+1, r.Err)
		}
	}
	fmt.Fprintf(out, "  %d rows are stored\n", stored)
	return nil
}

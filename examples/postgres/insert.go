package main

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const insertOne = `INSERT INTO orders (reference, quantity) VALUES ($1, $2) RETURNING id`

// insertRows takes a column as one array: its text is the same for any number
// of rows, so each connection prepares it once.
const insertRows = `
INSERT INTO orders (reference, quantity)
SELECT * FROM unnest($1::text[], $2::integer[])
RETURNING reference, id`

// insert stores one order and gives its ID.
func (s *store) insert(ctx context.Context, o order) (id int64, err error) {
	err = s.pool.QueryRow(ctx, insertOne, o.Reference, o.Quantity).Scan(&id)
	return id, err
}

// insertMany is a batcher.Func: it stores orders with one statement, all or
// none, and gives their IDs.
func (s *store) insertMany(ctx context.Context, orders []order) ([]int64, error) {
	references, quantities := make([]string, len(orders)), make([]int32, len(orders))
	for i, o := range orders {
		references[i], quantities[i] = o.Reference, o.Quantity
	}
	rows, err := s.pool.Query(ctx, insertRows, references, quantities)
	if err != nil {
		return nil, err
	}
	// RETURNING promises no order: rows are matched by what they say.
	given := make(map[string]int64, len(orders))
	var reference string
	var id int64
	if _, err := pgx.ForEachRow(rows, []any{&reference, &id}, func() error {
		given[reference] = id
		return nil
	}); err != nil {
		return nil, err
	}
	ids := make([]int64, len(orders))
	for i, o := range orders {
		ids[i] = given[o.Reference]
	}
	return ids, nil
}

// copyMany is a batcher.Func: it stores orders by COPY, all or none. That is
// the fastest way in, and gives nothing back.
func (s *store) copyMany(ctx context.Context, orders []order) ([]struct{}, error) {
	_, err := s.pool.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"reference", "quantity"},
		pgx.CopyFromSlice(len(orders), func(i int) ([]any, error) {
			return []any{orders[i].Reference, orders[i].Quantity}, nil
		}))
	return make([]struct{}, len(orders)), err
}

// rowFault reports whether a row is to blame for err, and not the network,
// say: only then may the others succeed without it. Class 22 is a value that
// does not fit its column, class 23 a constraint.
func rowFault(err error) bool {
	var fault *pgconn.PgError
	return errors.As(err, &fault) && (strings.HasPrefix(fault.Code, "22") || strings.HasPrefix(fault.Code, "23"))
}

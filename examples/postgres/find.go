package main

import (
	"context"

	"github.com/jackc/pgx/v5"
)

const (
	findOne  = `SELECT id, reference, quantity FROM orders WHERE id = $1`
	findRows = `SELECT id, reference, quantity FROM orders WHERE id = ANY($1)`
)

// get looks up one order.
func (s *store) get(ctx context.Context, id int64) (o order, err error) {
	err = s.pool.QueryRow(ctx, findOne, id).Scan(&o.ID, &o.Reference, &o.Quantity)
	return o, err
}

// find is a loader.Fetch: it looks up many orders with one query. Those that
// do not exist are missing from the map.
func (s *store) find(ctx context.Context, ids []int64) (map[int64]order, error) {
	rows, err := s.pool.Query(ctx, findRows, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[int64]order, len(ids))
	var o order
	_, err = pgx.ForEachRow(rows, []any{&o.ID, &o.Reference, &o.Quantity}, func() error {
		found[o.ID] = o
		return nil
	})
	return found, err
}

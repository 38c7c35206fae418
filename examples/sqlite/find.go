package main

import (
	"context"
	"encoding/json"
)

const findOne = `SELECT id, reference, quantity FROM orders WHERE id = ?`

// findRows takes the IDs as one JSON array, for the reason that insertRows has.
const findRows = `SELECT id, reference, quantity FROM orders WHERE id IN (SELECT value FROM json_each(?))`

// get looks up one order.
func (s *store) get(ctx context.Context, id int64) (o order, err error) {
	err = s.findOne.QueryRowContext(ctx, id).Scan(&o.ID, &o.Reference, &o.Quantity)
	return o, err
}

// find is a loader.Fetch: it looks up many orders with one query. Those that
// do not exist are missing from the map.
func (s *store) find(ctx context.Context, ids []int64) (map[int64]order, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	rows, err := s.findRows.QueryContext(ctx, string(list))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := make(map[int64]order, len(ids))
	for rows.Next() {
		var o order
		if err := rows.Scan(&o.ID, &o.Reference, &o.Quantity); err != nil {
			return nil, err
		}
		found[o.ID] = o
	}
	return found, rows.Err()
}

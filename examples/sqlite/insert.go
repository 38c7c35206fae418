package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/gobatcher/batcher"
)

const insertOne = `INSERT INTO orders (reference, quantity) VALUES (?, ?)`

// insertRows takes the rows as one JSON array: its text is the same for any
// number of rows, so it is prepared once.
const insertRows = `
INSERT INTO orders (reference, quantity)
SELECT value ->> 'Reference', value ->> 'Quantity' FROM json_each(?)
RETURNING reference, id`

// insert stores one order and gives its ID.
func (s *store) insert(ctx context.Context, o order) (int64, error) {
	done, err := s.insertOne.ExecContext(ctx, o.Reference, o.Quantity)
	if err != nil {
		return 0, err
	}
	return done.LastInsertId()
}

// insertAll is a batcher.Func: it stores orders in one transaction, a
// statement each, and gives their IDs. A row that is refused leaves the
// transaction as it was, so each row can have an error of its own.
func (s *store) insertAll(ctx context.Context, orders []order) ([]int64, error) {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // without effect once it is committed
	stmt := tx.StmtContext(ctx, s.insertOne)
	ids, errs := make([]int64, len(orders)), make(batcher.Errors, len(orders))
	for i, o := range orders {
		done, err := stmt.ExecContext(ctx, o.Reference, o.Quantity)
		switch {
		case err == nil:
			ids[i], errs[i] = done.LastInsertId()
		case rowFault(err):
			errs[i] = err
		default:
			return nil, err // of the disk, say: it fails the whole batch
		}
	}
	if err := tx.Commit(); err != nil {
		return nil, err
	}
	return ids, errs // nil for each row that is stored
}

var errNotUTF8 = errors.New("the reference is not UTF-8")

// insertMany is a batcher.Func: it stores orders with one statement, all or
// none, and gives their IDs.
func (s *store) insertMany(ctx context.Context, orders []order) ([]int64, error) {
	for _, o := range orders {
		if !utf8.ValidString(o.Reference) { // JSON would hold another one
			return nil, fmt.Errorf("%w: %q", errNotUTF8, o.Reference)
		}
	}
	list, err := json.Marshal(orders)
	if err != nil {
		return nil, err
	}
	rows, err := s.insertRows.QueryContext(ctx, string(list))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	// RETURNING promises no order: rows are matched by what they say.
	given := make(map[string]int64, len(orders))
	for rows.Next() {
		var reference string
		var id int64
		if err := rows.Scan(&reference, &id); err != nil {
			return nil, err
		}
		given[reference] = id
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	ids := make([]int64, len(orders))
	for i, o := range orders {
		ids[i] = given[o.Reference]
	}
	return ids, nil
}

// rowFault reports whether a row is to blame for err: only then may the
// others succeed without it.
func rowFault(err error) bool {
	var fault *sqlite.Error
	return errors.Is(err, errNotUTF8) || errors.As(err, &fault) && fault.Code()&0xff == sqlite3.SQLITE_CONSTRAINT
}

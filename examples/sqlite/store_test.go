package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/gobatcher/batcher"
)

func newStore(t *testing.T) *store {
	t.Helper()
	s, err := open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	return s
}

// Each way to insert gives each order its own ID.
func TestInsertGivesIDs(t *testing.T) {
	s := newStore(t)
	inserts := map[string]batcher.Func[order, int64]{
		"statement":   s.insertMany,
		"transaction": s.insertAll,
		"single": func(ctx context.Context, orders []order) ([]int64, error) {
			id, err := s.insert(ctx, orders[0])
			return []int64{id}, err
		},
	}
	for name, insert := range inserts {
		orders := []order{{Reference: name + "-b", Quantity: 2}, {Reference: name + "-a", Quantity: 1}, {Reference: name + "-c", Quantity: 3}}
		if name == "single" {
			orders = orders[:1]
		}
		ids, err := insert(t.Context(), orders)
		var each batcher.Errors
		if err != nil && (!errors.As(err, &each) || len(each.Unwrap()) > 0) || len(ids) != len(orders) {
			t.Fatalf("%s: got %v, %v", name, ids, err)
		}
		for i, want := range orders {
			want.ID = ids[i]
			if got, err := s.get(t.Context(), ids[i]); got != want || err != nil {
				t.Errorf("%s: order %d: got %v, %v, want %v", name, i, got, err, want)
			}
		}
	}
}

// One statement stores nothing if one row is bad, a transaction the others.
func TestInsertBadRow(t *testing.T) {
	s := newStore(t)
	orders := []order{{Reference: "a", Quantity: 1}, {Reference: "b"}, {Reference: "a", Quantity: 1}}
	if _, err := s.insertMany(t.Context(), orders); !rowFault(err) {
		t.Errorf("statement: got %v", err)
	}
	wantCount(t, s, 0)
	_, err := s.insertAll(t.Context(), orders)
	var each batcher.Errors
	if !errors.As(err, &each) || len(each) != 3 || each[0] != nil || !rowFault(each[1]) || !rowFault(each[2]) {
		t.Errorf("transaction: got %v", err)
	}
	wantCount(t, s, 1)
}

// A reference that JSON cannot hold is stored as it is, or refused.
func TestInsertNotUTF8(t *testing.T) {
	s := newStore(t)
	orders := []order{{Reference: "a", Quantity: 1}, {Reference: "caf\xe9", Quantity: 1}}
	if ids, err := s.insertMany(t.Context(), orders); !rowFault(err) {
		t.Errorf("statement: got %v, %v", ids, err)
	}
	wantCount(t, s, 0)
	ids, err := s.insertAll(t.Context(), orders)
	if len(ids) != 2 {
		t.Fatalf("transaction: got %v, %v", ids, err)
	}
	if o, err := s.get(t.Context(), ids[1]); o.Reference != orders[1].Reference || err != nil {
		t.Errorf("transaction: got %+v, %v", o, err)
	}
}

func wantCount(t *testing.T, s *store, want int64) {
	t.Helper()
	if got, err := s.count(t.Context()); got != want || err != nil {
		t.Errorf("got %d rows, %v, want %d", got, err, want)
	}
}

// A look-up finds what there is, and leaves out what there is not.
func TestFind(t *testing.T) {
	s := newStore(t)
	ids, err := s.insertMany(t.Context(), []order{{Reference: "a", Quantity: 1}, {Reference: "b", Quantity: 2}})
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.find(t.Context(), []int64{ids[1], 99, ids[0]})
	want := map[int64]order{ids[0]: {ids[0], "a", 1}, ids[1]: {ids[1], "b", 2}}
	if err != nil || fmt.Sprint(found) != fmt.Sprint(want) {
		t.Errorf("got %v, %v, want %v", found, err, want)
	}
}

// A database that fails is no row's fault, and fails whatever is asked of it.
func TestClosedStore(t *testing.T) {
	s := newStore(t)
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	ctx, one := t.Context(), []order{{Reference: "a", Quantity: 1}}
	for name, ask := range map[string]func() error{
		"insert":     func() error { _, err := s.insert(ctx, one[0]); return err },
		"insertAll":  func() error { _, err := s.insertAll(ctx, one); return err },
		"insertMany": func() error { _, err := s.insertMany(ctx, one); return err },
		"get":        func() error { _, err := s.get(ctx, 1); return err },
		"find":       func() error { _, err := s.find(ctx, []int64{1}); return err },
		"count":      func() error { _, err := s.count(ctx); return err },
		"race":       func() error { return race(ctx, io.Discard, s) },
		"refuse":     func() error { return refuse(ctx, io.Discard, s) },
	} {
		if err := ask(); err == nil || rowFault(err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A transaction that loses its table half-way fails as a whole.
func TestInsertAllFails(t *testing.T) {
	s := newStore(t)
	if _, err := s.write.ExecContext(t.Context(), "ALTER TABLE orders RENAME TO gone"); err != nil {
		t.Fatal(err)
	}
	_, err := s.insertAll(t.Context(), []order{{Reference: "a", Quantity: 1}})
	if err == nil || errors.As(err, new(batcher.Errors)) {
		t.Errorf("got %v", err)
	}
}

func TestOpenFails(t *testing.T) {
	if _, err := open(t.Context(), filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("no error for a folder that does not exist")
	}
}

//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
)

// newStore returns a store that the test closes itself.
func newStore(t *testing.T) *store {
	t.Helper()
	s, err := open(t.Context(), os.Getenv("DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// All rows of a statement get their own ID, and look-ups find what there is.
func TestInsertAndFind(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	defer s.close(ctx)
	orders := []order{{Reference: "b", Quantity: 2}, {Reference: "a", Quantity: 1}, {Reference: "c", Quantity: 3}}
	ids, err := s.insertMany(ctx, orders)
	if err != nil || len(ids) != len(orders) {
		t.Fatalf("got %v, %v", ids, err)
	}
	single := order{Reference: "d", Quantity: 4}
	id, err := s.insert(ctx, single)
	if err != nil {
		t.Fatal(err)
	}
	want := map[int64]order{}
	for i, o := range append(orders, single) {
		o.ID = append(ids, id)[i]
		want[o.ID] = o
		if got, err := s.get(ctx, o.ID); got != o || err != nil {
			t.Errorf("order %d: got %v, %v, want %v", i, got, err, o)
		}
	}
	found, err := s.find(ctx, append(ids, id, 99))
	if err != nil || fmt.Sprint(found) != fmt.Sprint(want) {
		t.Errorf("got %v, %v, want %v", found, err, want)
	}
}

// COPY stores all rows, or none if one is bad; so does a statement.
func TestAllOrNone(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	defer s.close(ctx)
	for name, bad := range map[string][]order{
		"constraint": {{Reference: "a", Quantity: 1}, {Reference: "b"}},
		"unique":     {{Reference: "a", Quantity: 1}, {Reference: "a", Quantity: 1}},
		"encoding":   {{Reference: "a", Quantity: 1}, {Reference: "\x00", Quantity: 1}},
	} {
		if _, err := s.copyMany(ctx, bad); !rowFault(err) {
			t.Errorf("%s: COPY: got %v", name, err)
		}
		if _, err := s.insertMany(ctx, bad); !rowFault(err) {
			t.Errorf("%s: statement: got %v", name, err)
		}
	}
	if answers, err := s.copyMany(ctx, []order{{Reference: "a", Quantity: 1}, {Reference: "b", Quantity: 1}}); len(answers) != 2 || err != nil {
		t.Errorf("got %v, %v", answers, err)
	}
	if rows, err := s.count(ctx); rows != 2 || err != nil {
		t.Errorf("got %d rows, %v", rows, err)
	}
}

// A database that cannot be reached is no row's fault, and fails whatever is
// asked of it.
func TestClosedStore(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	if err := s.close(ctx); err != nil {
		t.Fatal(err)
	}
	one := []order{{Reference: "a", Quantity: 1}}
	for name, ask := range map[string]func() error{
		"insert":     func() error { _, err := s.insert(ctx, one[0]); return err },
		"insertMany": func() error { _, err := s.insertMany(ctx, one); return err },
		"copyMany":   func() error { _, err := s.copyMany(ctx, one); return err },
		"get":        func() error { _, err := s.get(ctx, 1); return err },
		"find":       func() error { _, err := s.find(ctx, []int64{1}); return err },
		"count":      func() error { _, err := s.count(ctx); return err },
		"race":       func() error { return race(ctx, io.Discard, s) },
		"close":      func() error { return s.close(ctx) },
	} {
		if err := ask(); err == nil || rowFault(err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// An interrupt while a batch fails is not hidden.
func TestRefuseInterrupted(t *testing.T) {
	s := newStore(t)
	defer s.close(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := refuse(ctx, io.Discard, s); err == nil {
		t.Error("no error")
	}
}

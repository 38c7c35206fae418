package main

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"
	"runtime"

	_ "modernc.org/sqlite" // the driver
)

const schema = `
CREATE TABLE orders (
	id        INTEGER PRIMARY KEY,
	reference TEXT    NOT NULL UNIQUE,
	quantity  INTEGER NOT NULL CHECK (quantity > 0)
)`

// order is a row. Its ID is given by the database.
type order struct {
	ID        int64 `json:"-"`
	Reference string
	Quantity  int
}

// store is a database of orders. Its methods are safe for concurrent use.
type store struct {
	write, read *sql.DB

	insertOne, insertRows *sql.Stmt // of write
	findOne, findRows     *sql.Stmt // of read
}

// open makes a database in folder. The caller closes the store.
func open(ctx context.Context, folder string) (*store, error) {
	// The write-ahead log lets readers go on while a writer commits.
	dsn := "file:" + filepath.Join(folder, "orders.db") + "?" +
		url.Values{"_pragma": {"journal_mode(WAL)", "busy_timeout(5000)"}}.Encode()
	s := &store{}
	err := s.connect(ctx, dsn)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *store) connect(ctx context.Context, dsn string) (err error) {
	if s.write, err = sql.Open("sqlite", dsn); err != nil {
		return err
	}
	// SQLite has one writer at a time. To queue for a connection here is
	// fairer and faster than to be told that the database is locked.
	s.write.SetMaxOpenConns(1)
	if _, err := s.write.ExecContext(ctx, schema); err != nil {
		return err
	}
	if s.read, err = sql.Open("sqlite", dsn); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(runtime.GOMAXPROCS(0))
	s.read.SetMaxIdleConns(runtime.GOMAXPROCS(0))
	return s.prepare(ctx)
}

func (s *store) prepare(ctx context.Context) (err error) {
	for _, p := range []struct {
		stmt **sql.Stmt
		db   *sql.DB
		text string
	}{
		{&s.insertOne, s.write, insertOne},
		{&s.insertRows, s.write, insertRows},
		{&s.findOne, s.read, findOne},
		{&s.findRows, s.read, findRows},
	} {
		if *p.stmt, err = p.db.PrepareContext(ctx, p.text); err != nil {
			return err
		}
	}
	return nil
}

// close closes what is open, statements too.
func (s *store) close() error {
	var errs []error
	for _, db := range []*sql.DB{s.write, s.read} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

func (s *store) version(ctx context.Context) (version string, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version)
	return version, err
}

func (s *store) count(ctx context.Context) (rows int64, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT count(*) FROM orders").Scan(&rows)
	return rows, err
}

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	connections  = 8
	schemaPrefix = "batcher_example_" // then the process and something random
)

// tables are made with the schema, in one statement.
const tables = `
CREATE TABLE orders (
	id        bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	reference text    NOT NULL UNIQUE,
	quantity  integer NOT NULL CHECK (quantity > 0)
)`

// order is a row. Its ID is given by the database.
type order struct {
	ID        int64
	Reference string
	Quantity  int32
}

// store is a schema of a database, with orders in it. Its methods are safe for
// concurrent use.
type store struct {
	pool   *pgxpool.Pool
	schema string // first in the search path of all connections
}

// open makes a schema in the database at url. The caller closes the store.
func open(ctx context.Context, url string) (*store, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s%d_%s", schemaPrefix, os.Getpid(), strings.ToLower(rand.Text()))
	config.MaxConns = connections
	config.ConnConfig.RuntimeParams["search_path"] = name
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if _, err := pool.Exec(ctx, "CREATE SCHEMA "+name+tables); err != nil {
		pool.Close()
		return nil, err
	}
	return &store{pool: pool, schema: name}, nil
}

// close drops the schema, also after an interrupt, which ended ctx.
func (s *store) close(ctx context.Context) error {
	defer s.pool.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, err := s.pool.Exec(ctx, "DROP SCHEMA "+s.schema+" CASCADE")
	return err
}

func (s *store) version(ctx context.Context) (version string, err error) {
	err = s.pool.QueryRow(ctx, "SHOW server_version").Scan(&version)
	return version, err
}

func (s *store) count(ctx context.Context) (rows int64, err error) {
	err = s.pool.QueryRow(ctx, "SELECT count(*) FROM orders").Scan(&rows)
	return rows, err
}

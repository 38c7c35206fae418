package batcher_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/gobatcher/batcher"
)

// These examples stand in doc.go and README.md; readme_test.go compares them.

func Example_tour() {
	ctx := context.Background()

	square := func(_ context.Context, reqs []int) ([]int, error) {
		res := make([]int, len(reqs))
		for i, n := range reqs {
			res[i] = n * n
		}
		return res, nil
	}
	b := batcher.New(square, batcher.Options{MaxSize: 100})
	defer b.Close()

	res, err := b.Do(ctx, 7) // 49, nil

	fmt.Println(res, err)
	// Output: 49 <nil>
}

type Order struct {
	item     string
	quantity int
}

// orderTable stands for a database.
type orderTable struct{ rows []Order }

func (t *orderTable) insert(_ context.Context, orders []Order) ([]int64, error) {
	ids := make([]int64, len(orders))
	for i := range orders {
		ids[i] = int64(len(t.rows) + i + 1)
	}
	t.rows = append(t.rows, orders...)
	return ids, nil
}

func Example_insert() {
	ctx := context.Background()
	db := &orderTable{}

	insert := func(ctx context.Context, orders []Order) ([]int64, error) {
		return db.insert(ctx, orders) // one INSERT for all, an ID for each
	}
	b := batcher.New(insert, batcher.Options{MaxSize: 500})
	defer b.Close()

	id, err := b.Do(ctx, Order{"tea", 2}) // from any number of goroutines

	fmt.Println(id, err)
	// Output: 1 <nil>
}

func Example_errorForEach() {
	ctx := context.Background()

	parse := func(_ context.Context, reqs []string) ([]int, error) {
		res, errs := make([]int, len(reqs)), make(batcher.Errors, len(reqs))
		for i, req := range reqs {
			res[i], errs[i] = strconv.Atoi(req)
		}
		return res, errs
	}

	b := batcher.New(parse, batcher.Options{Manual: true})
	good, bad := b.Submit(ctx, "7"), b.Submit(ctx, "seven")
	b.Close()
	fmt.Println(good.Wait(ctx))
	fmt.Println(bad.Wait(ctx))
	// Output:
	// 7 <nil>
	// 0 strconv.Atoi: parsing "seven": invalid syntax
}

func Example_handOver() {
	var written []string
	write := func(_ context.Context, reqs []string) ([]struct{}, error) {
		written = append(written, reqs...)
		return make([]struct{}, len(reqs)), nil
	}
	b := batcher.New(write, batcher.Options{Delay: time.Second})
	ctx, cancel := context.WithCancel(context.Background())

	b.Submit(context.WithoutCancel(ctx), "for the log")

	cancel()
	b.Close()
	fmt.Println(written)
	// Output: [for the log]
}

func Example_shutdown() {
	echo := func(_ context.Context, reqs []int) ([]int, error) { return reqs, nil }
	b := batcher.New(echo, batcher.Options{})
	serve := func(context.Context) {}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	serve(ctx) // until ctx ends

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := b.Shutdown(ctx)

	_, refused := b.Do(context.Background(), 1)
	fmt.Println(err, errors.Is(refused, batcher.ErrClosed))
	// Output: <nil> true
}

package batcher_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/gobatcher/batcher"
)

// Rows of different tables never share a batch: each table is a key.
func ExampleNewKeyed() {
	ctx := context.Background()
	insert := func(_ context.Context, table string, rows []string) ([]int, error) {
		fmt.Printf("INSERT INTO %s: %s\n", table, strings.Join(rows, ", "))
		return make([]int, len(rows)), nil
	}
	k := batcher.NewKeyed(insert, batcher.Options{MaxSize: 2, Manual: true})
	defer k.Close()

	k.Submit(ctx, "users", "Ann")
	k.Submit(ctx, "orders", "a book")
	user := k.Submit(ctx, "users", "Bob") // the second for users
	user.Wait(ctx)
	order := k.Submit(ctx, "orders", "a pen")
	order.Wait(ctx)
	// Output:
	// INSERT INTO users: Ann, Bob
	// INSERT INTO orders: a book, a pen
}

func ExampleKeyed_Do() {
	ctx := context.Background()
	k := batcher.NewKeyed(func(_ context.Context, shout bool, words []string) ([]string, error) {
		res := make([]string, len(words))
		for i, word := range words {
			if res[i] = word; shout {
				res[i] = strings.ToUpper(word)
			}
		}
		return res, nil
	}, batcher.Options{})
	defer k.Close()

	fmt.Println(k.Do(ctx, true, "hello"))
	fmt.Println(k.Do(ctx, false, "hello"))
	// Output:
	// HELLO <nil>
	// hello <nil>
}

// Flush starts the batch of one key and leaves the others.
func ExampleKeyed_Flush() {
	ctx := context.Background()
	k := batcher.NewKeyed(func(_ context.Context, key string, reqs []int) ([]int, error) {
		fmt.Println(key, reqs)
		return reqs, nil
	}, batcher.Options{Manual: true})
	a := k.Submit(ctx, "a", 1)
	k.Submit(ctx, "b", 2)
	fmt.Println("keys:", k.Len())

	k.Flush("a")
	a.Wait(ctx)

	k.Close()
	fmt.Println("keys:", k.Len())
	// Output:
	// keys: 2
	// a [1]
	// b [2]
	// keys: 0
}

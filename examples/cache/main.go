// Command cache shows one loader that all requests of a program share, with a
// bounded cache of a well-known library behind it: popular keys are in memory,
// the others go to the back end together, and Clear drops what has changed.
//
//	go run ./examples/cache
//
// It needs nothing: the back end is a stand-in that takes a millisecond for a
// call and serves four at a time. A loader for a single request, as in
// ../graphql, needs no such cache; see the package documentation of loader for
// which one to choose.
package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gobatcher/batcher/loader"
)

const (
	products  = 2000 // in the shop
	cacheSize = 200  // of them in memory
	callers   = 32
	loadsEach = 200
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cache:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	cache, err := newLRU[int, product](cacheSize)
	if err != nil {
		return err
	}
	direct, plain, shared := newShop(), newShop(), newShop()
	uncached := loader.New(plain.products, loader.Options[int, product]{NoCache: true})
	cached := loader.New(shared.products, loader.Options[int, product]{Cache: cache})

	fmt.Fprintf(out, "%d callers load %d products each; of %d products a few are popular\n\n", callers, loadsEach, products)
	fmt.Fprintf(out, "%-26s %14s %14s %10s\n", "", "back-end calls", "products read", "loads/s")
	for _, way := range []struct {
		name string
		shop *shop
		load load
	}{
		{"one by one", direct, direct.product},
		{"shared loader, no cache", plain, uncached.Load},
		{fmt.Sprintf("shared loader, LRU of %d", cacheSize), shared, cached.Load},
	} {
		rate, err := serve(ctx, way.load)
		if err != nil {
			return err
		}
		calls, read := way.shop.work()
		fmt.Fprintf(out, "%-26s %14d %14d %10.0f\n", way.name, calls, read, rate)
	}
	fmt.Fprintf(out, "\nThe cache holds %d products.\n", cache.Len())
	return reprice(ctx, out, shared, cached)
}

// load loads one product; it is what the code of a request calls.
type load func(ctx context.Context, id int) (product, error)

// serve lets all callers load and returns how many loads a second they made. It
// fails if one gets another product than it asked for.
func serve(ctx context.Context, load load) (float64, error) {
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for caller := range callers {
		group.Go(func() error {
			random := rand.New(rand.NewPCG(1, uint64(caller)))
			popular := rand.NewZipf(random, 1.1, 1, products-1)
			for range loadsEach {
				id := int(popular.Uint64())
				if p, err := load(ctx, id); err != nil {
					return err
				} else if p.ID != id {
					return fmt.Errorf("asked for product %d, got %d", id, p.ID)
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return callers * loadsEach / time.Since(began).Seconds(), err
}

// reprice changes a product behind the loader's back: code that changes data
// must call Clear.
func reprice(ctx context.Context, out io.Writer, shop *shop, cached *loader.Loader[int, product]) error {
	const id = 0 // the most popular
	show := func(when string) error {
		p, err := cached.Load(ctx, id)
		if err == nil {
			fmt.Fprintf(out, "%-22s %d\n", when, p.Price)
		}
		return err
	}
	if err := show("Price:"); err != nil {
		return err
	}
	shop.setPrice(id, 120)
	if err := show("Changed, not cleared:"); err != nil {
		return err
	}
	cached.Clear(id)
	return show("Cleared:")
}

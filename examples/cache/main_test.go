package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/loader"
)

// One run: each way serves all loads, with fewer and fewer products read, and
// a change shows only after Clear.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		if err := run(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
	})
	oneCalls, oneRead := row(t, out.String(), "one by one")
	plainCalls, plainRead := row(t, out.String(), "shared loader, no cache")
	cachedCalls, cachedRead := row(t, out.String(), "shared loader, LRU of 200")
	if loads := callers * loadsEach; oneCalls != loads || oneRead != loads {
		t.Errorf("one by one: %d calls for %d products, want %d for %[3]d", oneCalls, oneRead, loads)
	}
	if plainCalls*5 > oneCalls || plainRead > oneRead {
		t.Errorf("without a cache: %d calls for %d products, want a fifth of %d at most for %d at most", plainCalls, plainRead, oneCalls, oneRead)
	}
	if cachedCalls > plainCalls || cachedRead*2 > plainRead {
		t.Errorf("with a cache: %d calls for %d products, want %d at most for half of %d at most", cachedCalls, cachedRead, plainCalls, plainRead)
	}
	want := `
The cache holds 200 products.
Price:                 100
Changed, not cleared:  100
Cleared:               120
`
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("got:\n%s\nwant at the end:\n%s", &out, want)
	}
}

// row finds the calls and the products read in the line that begins with name.
func row(t *testing.T, text, name string) (calls, read int) {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + name + `\s+(\d+)\s+(\d+)\s+\d+$`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no line for %q in:\n%s", name, text)
	}
	calls, _ = strconv.Atoi(m[1])
	read, _ = strconv.Atoi(m[2])
	return calls, read
}

// Ctrl-C ends it at once, with what ended it.
func TestRunInterrupted(t *testing.T) {
	interrupt := errors.New("interrupted")
	for _, after := range []time.Duration{0, 10500 * time.Microsecond, 1700500 * time.Microsecond} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeoutCause(t.Context(), after, interrupt)
			defer cancel()
			began := time.Now()
			err := run(ctx, io.Discard)
			if !errors.Is(err, interrupt) || time.Since(began) != after {
				t.Errorf("interrupted after %v it ended after %v with %v", after, time.Since(began), err)
			}
		})
	}
}

// A back end that mixes products up is noticed.
func TestServeChecksProducts(t *testing.T) {
	wrong := func(context.Context, int) (product, error) { return product{ID: -1}, nil }
	if _, err := serve(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), "got -1") {
		t.Errorf("got %v", err)
	}
}

// The cache keeps what was used last, and forgets what the loader clears.
func TestLRU(t *testing.T) {
	cache, err := newLRU[int, product](2)
	if err != nil {
		t.Fatal(err)
	}
	l := loader.New(newShop().products, loader.Options[int, product]{Cache: cache})
	want := func(when string, ids ...int) {
		t.Helper()
		if got := cache.Keys(); !slices.Equal(got, ids) { // from the oldest
			t.Errorf("%s: holds %v, want %v", when, got, ids)
		}
	}
	for _, id := range []int{1, 2, 1, 3} {
		if _, err := l.Load(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	want("full", 1, 3)
	l.Clear(1)
	want("cleared", 3)
	l.Prime(3, product{})
	l.Prime(4, product{})
	want("primed", 3, 4)
	l.ClearAll()
	want("all cleared")
}

// A cache needs a size.
func TestNewLRUSize(t *testing.T) {
	if _, err := newLRU[int, product](0); err == nil {
		t.Error("no error for size 0")
	}
}

// An interrupt while the price is shown is not hidden: not before the first
// fetch, and not at the one after Clear.
func TestRepriceInterrupted(t *testing.T) {
	for _, primed := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		shop := newShop()
		cached := loader.New(shop.products, loader.Options[int, product]{})
		if primed {
			cached.Prime(0, product{Price: 100})
		}
		if err := reprice(ctx, io.Discard, shop, cached); !errors.Is(err, context.Canceled) {
			t.Errorf("primed %t: got %v", primed, err)
		}
	}
}

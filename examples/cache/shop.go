package main

import (
	"context"
	"sync"
	"time"
)

const (
	roundTrip   = time.Millisecond // of a call, however many products it asks for
	connections = 4                // calls at once; others wait
)

type product struct {
	ID    int
	Price int // in cents
}

// shop stands for a database or a service. It is safe for concurrent use.
type shop struct {
	busy chan struct{} // holds a token for each call under way

	mu     sync.Mutex // guards what follows
	prices []int      // by product
	calls  int
	read   int // products, over all calls
}

func newShop() *shop {
	s := &shop{busy: make(chan struct{}, connections), prices: make([]int, products)}
	for id := range s.prices {
		s.prices[id] = 100
	}
	return s
}

// products gets many products in one call: a loader.Fetch.
func (s *shop) products(ctx context.Context, ids []int) (map[int]product, error) {
	if err := s.travel(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	s.read += len(ids)
	found := make(map[int]product, len(ids))
	for _, id := range ids {
		found[id] = product{ID: id, Price: s.prices[id]}
	}
	return found, nil
}

// travel takes a connection for a round trip.
func (s *shop) travel(ctx context.Context) error {
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-time.After(roundTrip):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// product gets one product: what a program does without a loader.
func (s *shop) product(ctx context.Context, id int) (product, error) {
	found, err := s.products(ctx, []int{id})
	return found[id], err
}

func (s *shop) setPrice(id, price int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prices[id] = price
}

// work returns how many calls were made, and how many products they read.
func (s *shop) work() (calls, read int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls, s.read
}

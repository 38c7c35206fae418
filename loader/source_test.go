package loader_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/loader"
)

// source answers every key with "v" and the key's text, after a time, and
// remembers what it was asked for.
type source struct {
	takes time.Duration
	mu    sync.Mutex // guards what follows
	asked [][]int
}

func (s *source) fetch(_ context.Context, keys []int) (map[int]string, error) {
	s.note(keys)
	time.Sleep(s.takes)
	found := make(map[int]string, len(keys))
	for _, key := range keys {
		found[key] = fmt.Sprint("v", key)
	}
	return found, nil
}

func (s *source) note(keys []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, slices.Sorted(slices.Values(keys)))
}

// wants checks what was fetched, fetch by fetch.
func (s *source) wants(t *testing.T, want ...[]int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.EqualFunc(s.asked, want, slices.Equal) {
		t.Errorf("fetched %v, want %v", s.asked, want)
	}
}

// options are Options with just a Batch.
func options(b batcher.Options) loader.Options[int, string] {
	return loader.Options[int, string]{Batch: b}
}

// loads checks one Load that must succeed.
func loads(t *testing.T, l *loader.Loader[int, string], key int, want string) {
	t.Helper()
	if value, err := l.Load(t.Context(), key); value != want || err != nil {
		t.Errorf("Load(%d) = %q, %v, want %q", key, value, err, want)
	}
}

// peeks checks what is cached for key, "" meaning nothing.
func peeks(t *testing.T, l *loader.Loader[int, string], key int, want string) {
	t.Helper()
	if value, ok := l.Peek(key); value != want || ok != (want != "") {
		t.Errorf("Peek(%d) = %q, %v, want %q", key, value, ok, want)
	}
}

// at runs f in a goroutine after d.
func at(wg *sync.WaitGroup, d time.Duration, f func()) {
	wg.Go(func() {
		time.Sleep(d)
		f()
	})
}

package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// roundTrip is what a call to the back end takes, however much it asks for.
const roundTrip = 2 * time.Millisecond

type post struct {
	id     int
	title  string
	author int
}

type comment struct {
	text   string
	author int
}

type user struct{ name string }

// backend stands for a database. It counts what it is asked.
type backend struct {
	people []string // by user

	mu          sync.Mutex // guards what follows
	calls, rows int
}

func newBackend() *backend {
	return &backend{people: []string{"Ada", "Alan", "Barbara", "Donald", "Edsger", "Grace", "Niklaus"}}
}

// posts gets the first n posts.
func (b *backend) posts(ctx context.Context, n int) ([]post, error) {
	posts := make([]post, n)
	for id := range posts {
		posts[id] = post{id, fmt.Sprintf("Post %d", id), id % len(b.people)}
	}
	return posts, b.call(ctx, len(posts))
}

// comments gets the comments on many posts: a loader.Fetch. Each post has an
// entry, also the one that nobody commented on: it is not missing, it is empty.
func (b *backend) comments(ctx context.Context, posts []int) (map[int][]comment, error) {
	found, rows := make(map[int][]comment, len(posts)), 0
	for _, id := range posts {
		found[id] = []comment{}
		for i := range id % 4 {
			found[id] = append(found[id], comment{fmt.Sprintf("Comment %d", i), (id + i) % len(b.people)})
		}
		rows += len(found[id])
	}
	return found, b.call(ctx, rows)
}

// users gets many users: a loader.Fetch.
func (b *backend) users(ctx context.Context, ids []int) (map[int]user, error) {
	found := make(map[int]user, len(ids))
	for _, id := range ids {
		if id < len(b.people) {
			found[id] = user{b.people[id]}
		}
	}
	return found, b.call(ctx, len(found))
}

// call takes a round trip and counts.
func (b *backend) call(ctx context.Context, rows int) error {
	select {
	case <-time.After(roundTrip):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	b.rows += rows
	return nil
}

// work returns how many calls were made, and how many rows they read.
func (b *backend) work() (calls, rows int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls, b.rows
}

package main

import (
	"context"
	"net/http"

	"github.com/gobatcher/batcher/loader"
)

// source is where the resolvers of one request get single things from.
type source struct {
	user     func(ctx context.Context, id int) (user, error)
	comments func(ctx context.Context, post int) ([]comment, error)
}

// withLoaders puts a loader before each kind of thing. They wait for no timer:
// while one call is under way, what else the resolvers want makes up the next.
// What the request has seen it sees again, from the loader's cache.
func withLoaders(b *backend) source {
	return source{
		user:     loader.New(b.users, loader.Options[int, user]{}).Load,
		comments: loader.New(b.comments, loader.Options[int, []comment]{}).Load,
	}
}

// direct asks the back end for each thing alone.
func direct(b *backend) source {
	return source{
		user: func(ctx context.Context, id int) (user, error) {
			found, err := b.users(ctx, []int{id})
			return found[id], err
		},
		comments: func(ctx context.Context, post int) ([]comment, error) {
			found, err := b.comments(ctx, []int{post})
			return found[post], err
		},
	}
}

type sourceKey struct{}

// sourceEach is the middleware: each request gets a source of its own, which
// goes with it. Nobody sees what another user's request has cached.
func sourceEach(next http.Handler, newSource func() source) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), sourceKey{}, newSource())
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// sourceOf returns the source of the request that ctx belongs to.
func sourceOf(ctx context.Context) source {
	return ctx.Value(sourceKey{}).(source)
}

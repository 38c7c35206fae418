package main

import (
	"context"
	"fmt"
	"net/http"

	graphql "github.com/graph-gophers/graphql-go"
	"github.com/graph-gophers/graphql-go/relay"
)

const schema = `
type Query { posts(first: Int!): [Post!]! }
type Post { title: String! author: User! comments: [Comment!]! }
type Comment { text: String! author: User! }
type User { name: String! }
`

// mostPosts bounds what one request can ask for.
const mostPosts = 100

// newHandler makes the server. Each of its requests gets its data from a
// source of its own, made by newSource.
func newHandler(b *backend, newSource func(*backend) source) http.Handler {
	// What resolvers run at the same time can share a call to the back end:
	// the library's default, 10 of a request at once, would bound the batches.
	parsed := graphql.MustParseSchema(schema, &queries{b}, graphql.MaxParallelism(1000))
	return sourceEach(&relay.Handler{Schema: parsed}, func() source { return newSource(b) })
}

// The resolvers know nothing of batches: each asks for the one thing it needs.

type queries struct{ backend *backend }

func (q *queries) Posts(ctx context.Context, args struct{ First int32 }) ([]*postResolver, error) {
	if args.First < 0 || args.First > mostPosts {
		return nil, fmt.Errorf("first is %d, must be 0 to %d", args.First, mostPosts)
	}
	posts, err := q.backend.posts(ctx, int(args.First))
	resolvers := make([]*postResolver, len(posts))
	for i, p := range posts {
		resolvers[i] = &postResolver{p}
	}
	return resolvers, err
}

type postResolver struct{ post post }

func (r *postResolver) Title() string { return r.post.title }

func (r *postResolver) Author(ctx context.Context) (*userResolver, error) {
	return author(ctx, r.post.author)
}

func (r *postResolver) Comments(ctx context.Context) ([]*commentResolver, error) {
	comments, err := sourceOf(ctx).comments(ctx, r.post.id)
	resolvers := make([]*commentResolver, len(comments))
	for i, c := range comments {
		resolvers[i] = &commentResolver{c}
	}
	return resolvers, err
}

type commentResolver struct{ comment comment }

func (r *commentResolver) Text() string { return r.comment.text }

func (r *commentResolver) Author(ctx context.Context) (*userResolver, error) {
	return author(ctx, r.comment.author)
}

type userResolver struct{ user user }

func (r *userResolver) Name() string { return r.user.name }

func author(ctx context.Context, id int) (*userResolver, error) {
	u, err := sourceOf(ctx).user(ctx, id)
	return &userResolver{u}, err
}

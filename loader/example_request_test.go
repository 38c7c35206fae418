package loader_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"

	"github.com/gobatcher/batcher/loader"
)

type user struct {
	ID   int
	Name string
}

// usersByID stands for a query.
func usersByID(_ context.Context, ids []int) (map[int]user, error) {
	fmt.Println("query for", slices.Sorted(slices.Values(ids)))
	names := map[int]string{1: "Ada", 2: "Grace"}
	users := map[int]user{}
	for _, id := range ids {
		if name, ok := names[id]; ok {
			users[id] = user{id, name}
		}
	}
	return users, nil
}

func Example() {
	ctx := context.Background()
	post := struct{ author int }{author: 1}

	users := loader.New(func(ctx context.Context, ids []int) (map[int]user, error) {
		return usersByID(ctx, ids) // SELECT ... WHERE id IN (...)
	}, loader.Options[int, user]{})

	author, err := users.Load(ctx, post.author) // from as many goroutines as you like

	fmt.Println(author, err)
	// Output:
	// query for [1]
	// {1 Ada} <nil>
}

type usersKey struct{}

// withUsers gives every request a loader of its own.
func withUsers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		users := loader.New(usersByID, loader.Options[int, user]{})
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), usersKey{}, users)))
	})
}

// usersOf returns the loader of the request that ctx belongs to.
func usersOf(ctx context.Context) *loader.Loader[int, user] {
	return ctx.Value(usersKey{}).(*loader.Loader[int, user])
}

// One loader per request: the middleware makes it, any code that the request
// reaches loads from it, and it is dropped with the request.
func Example_perRequest() {
	page := func(w http.ResponseWriter, r *http.Request) {
		authors, err := usersOf(r.Context()).LoadAll(r.Context(), []int{1, 2, 1})
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		reader, err := usersOf(r.Context()).Load(r.Context(), 2) // deep down, later
		fmt.Fprintln(w, authors, reader, err)
	}
	handler := withUsers(http.HandlerFunc(page))
	for range 2 {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
		fmt.Print(answer.Body)
	}
	// Output:
	// query for [1 2]
	// [{1 Ada} {2 Grace} {1 Ada}] {2 Grace} <nil>
	// query for [1 2]
	// [{1 Ada} {2 Grace} {1 Ada}] {2 Grace} <nil>
}

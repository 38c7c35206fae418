package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/loader"
)

// One run: 30 posts with 43 comments by 7 people. Without loaders that is a
// call for the posts, one for each author and for each post's comments; with
// loaders a few, and each author is read once.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`
 +back-end calls +rows read
without loaders +104 +146
loaders for each request +(\d+) +80

The answers are the same: true\.
$`)
	m := want.FindStringSubmatch(out.String())
	if m == nil {
		t.Fatalf("got:\n%s\nwant:\n%v", &out, want)
	}
	if calls, _ := strconv.Atoi(m[1]); calls < 3 || calls > 15 {
		t.Errorf("%d calls with loaders", calls)
	}
}

// newServer returns the URL of a server.
func newServer(t *testing.T, b *backend, newSource func(*backend) source) string {
	t.Helper()
	server := httptest.NewServer(newHandler(b, newSource))
	t.Cleanup(server.Close)
	return server.URL
}

// A request sees nothing of what another has cached.
func TestLoadersOfEachRequest(t *testing.T) {
	b := newBackend()
	url := newServer(t, b, withLoaders)
	for i := range 2 {
		if _, err := ask(t.Context(), url, query); err != nil {
			t.Fatal(err)
		}
		if _, rows := b.work(); rows != 80*(i+1) {
			t.Errorf("request %d: %d rows in all", i, rows)
		}
	}
}

// Everything stands where it belongs.
func TestAnswer(t *testing.T) {
	query := strings.Replace(query, "first: 30", "first: 3", 1)
	got, err := ask(t.Context(), newServer(t, newBackend(), withLoaders), query)
	want := `{"posts":[` +
		`{"title":"Post 0","author":{"name":"Ada"},"comments":[]},` +
		`{"title":"Post 1","author":{"name":"Alan"},"comments":[{"text":"Comment 0","author":{"name":"Alan"}}]},` +
		`{"title":"Post 2","author":{"name":"Barbara"},"comments":[{"text":"Comment 0","author":{"name":"Barbara"}},{"text":"Comment 1","author":{"name":"Donald"}}]}]}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

// Errors of the query, the resolvers and the back end reach the client.
func TestAskFails(t *testing.T) {
	broken := errors.New("no connection")
	for _, c := range []struct {
		source func(*backend) source
		query  string
		want   string
	}{
		{withLoaders, `{ nothing }`, "Cannot query field"},
		{withLoaders, `{ posts(first: -1) { title } }`, "first is -1, must be 0 to 100"},
		{withLoaders, `{ posts(first: 101) { title } }`, "first is 101, must be 0 to 100"},
		{func(*backend) source {
			return source{comments: func(context.Context, int) ([]comment, error) { return nil, broken }}
		}, `{ posts(first: 1) { comments { text } } }`, broken.Error()},
	} {
		_, err := ask(t.Context(), newServer(t, newBackend(), c.source), c.query)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.query, err, c.want)
		}
	}
}

func TestAskNoServer(t *testing.T) {
	notGraphQL := httptest.NewServer(http.NotFoundHandler())
	defer notGraphQL.Close()
	for _, url := range []string{notGraphQL.URL, "http://127.0.0.1:1", ":"} {
		if _, err := ask(t.Context(), url, query); err == nil {
			t.Errorf("%s: no error", url)
		}
	}
}

// A missing author is not found; a post without comments is.
func TestLoadersFindNothing(t *testing.T) {
	s := withLoaders(newBackend())
	if _, err := s.user(t.Context(), 99); !errors.Is(err, loader.ErrNotFound) {
		t.Errorf("user: got %v", err)
	}
	if comments, err := s.comments(t.Context(), 4); len(comments) != 0 || err != nil {
		t.Errorf("comments: got %v, %v", comments, err)
	}
}

// Ctrl-C ends it, before and in the middle of a request.
func TestRunInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("before: got %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	_, err := serve(ctx, io.Discard, "", func(b *backend) source {
		cancel()
		return direct(b)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("in the middle: got %v", err)
	}
}

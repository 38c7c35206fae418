// Command embeddings shows single calls batched to an OpenAI-style embeddings
// endpoint: 101 goroutines ask for the vector of one text each, once with a
// request for each text and once batched. It prints the number of requests, the
// texts per second, which texts have no vector and why, and how many have the
// same one both ways. Rows of the answer are matched by their
// index, and a text that the endpoint refuses, here the empty one, fails alone.
//
//	go run ./examples/embeddings
//
// It needs nothing: without an OPENAI_BASE_URL it starts a stub. To try a real
// endpoint (which may charge for some 200 short texts):
//
//	OPENAI_BASE_URL=https://api.openai.com/v1 OPENAI_API_KEY=... go run ./examples/embeddings
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/middleware"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, os.Getenv)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "embeddings:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	url := getenv("OPENAI_BASE_URL")
	if url == "" {
		stub, err := startStub()
		if err != nil {
			return err
		}
		defer stub.Close()
		url = "http://" + stub.Addr
		fmt.Fprintln(out, "A stub answers, as OPENAI_BASE_URL is not set.")
	}
	model := cmp.Or(getenv("EMBEDDING_MODEL"), "text-embedding-3-small")
	return compare(ctx, out, newClient(url, getenv("OPENAI_API_KEY"), model))
}

// batched are the limits of the endpoint: inputs and tokens to a request. A
// few milliseconds for company are little against a round trip, and requests
// count against a rate limit.
var batched = batcher.Options{MaxSize: 2048, MaxWeight: 300_000, Delay: 5 * time.Millisecond, MaxConcurrent: connections}

// compare embeds the same texts one by one and batched.
func compare(ctx context.Context, out io.Writer, c *client) error {
	fmt.Fprintf(out, "%d goroutines, one text each, %d connections\n\n%-12s %10s %10s\n", len(texts), connections, "", "requests", "texts/s")
	single, err := embedAll(ctx, out, "one by one", c, batcher.Options{MaxSize: 1, MaxConcurrent: -1})
	if err != nil {
		return err
	}
	together, err := embedAll(ctx, out, "batched", c, batched)
	if err != nil {
		return err
	}
	fmt.Fprintln(out)
	same := 0
	for i, a := range single {
		b := together[i]
		switch {
		case a.Err == nil && b.Err == nil && a.Value.cosine(b.Value) > 0.999:
			same++
		case a.Err == nil && b.Err == nil:
			fmt.Fprintf(out, "Text %d, %q, has two vectors.\n", i, texts[i])
		default:
			fmt.Fprintf(out, "Text %d, %q, has no vector. One by one: %v. Batched: %v.\n", i, texts[i], a.Err, b.Err)
		}
	}
	fmt.Fprintf(out, "%d texts have the same vector both ways.\n", same)
	return nil
}

// embedAll embeds each text from a goroutine of its own, and prints the rate.
// It fails if no text has a vector.
func embedAll(ctx context.Context, out io.Writer, name string, c *client, opts batcher.Options) ([]batcher.Result[vector], error) {
	// Isolate finds the text for which an endpoint refuses a whole request;
	// Retry waits and tries again where it is busy.
	b := batcher.New(middleware.Retry(middleware.Isolate(c.embed, badInput, 0), busy, 3, nil), opts)
	results := make([]batcher.Result[vector], len(texts))
	before, began := c.requests.Load(), time.Now()
	var callers sync.WaitGroup
	for i, t := range texts {
		callers.Go(func() { results[i].Value, results[i].Err = b.Do(ctx, t) })
	}
	callers.Wait()
	took := time.Since(began)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if stats := b.Stats(); stats.Succeeded == 0 {
		return nil, fmt.Errorf("no text has a vector: %w", results[0].Err)
	}
	fmt.Fprintf(out, "%-12s %10d %10.0f\n", name, c.requests.Load()-before, float64(len(texts))/took.Seconds())
	return results, nil
}

package embed_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch"
	"github.com/gobatcher/batcher/natsbatch/embed"
)

// A front end and a worker in one process. What Submit accepted survives its
// death: another process that starts on the same directory runs it and has
// its result.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example") // most programs: embed.Dir("my-program")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	server, err := embed.Start(dir, embed.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	nc, err := server.Connect()
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()

	square := func(_ context.Context, reqs []int) ([]int, error) {
		res := make([]int, len(reqs))
		for i, n := range reqs {
			res[i] = n * n
		}
		return res, nil
	}
	q := natsbatch.Queue{Endpoint: "square"}
	w, err := natsbatch.NewWorker(ctx, nc, q, square, natsbatch.WorkerOptions{Batch: batcher.Options{MaxSize: 64}})
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	c, err := natsbatch.NewClient[int, int](ctx, nc, q, natsbatch.ClientOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	res, err := c.Do(ctx, 7) // 49, nil
	fmt.Println(res, err)

	handle, err := c.Submit(ctx, 8)
	if err != nil {
		log.Fatal(err)
	}
	res, err = c.Wait(ctx, handle)
	fmt.Println(res, err)
	// Output:
	// 49 <nil>
	// 64 <nil>
}

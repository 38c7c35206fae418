package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gobatcher/batcher/natsbatch"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
)

// Claims are handles of requests that may have been submitted elsewhere.
type Claims struct {
	Handles map[string]string // by the request's id
	Within  time.Duration     // for all of them
	Get     bool              // do not wait for a result that is not there
}

// ClaimsOf gives the handles of all requests that were acknowledged.
func ClaimsOf(b oracle.Book, within time.Duration) Claims {
	c := Claims{Handles: map[string]string{}, Within: within}
	for id, r := range b {
		if r.Acked > 0 {
			c.Handles[id] = r.Handle
		}
	}
	return c
}

// claimers is how many claims are waited for at once.
const claimers = 64

// Collect waits for the results of claims and writes them down. Those without
// one at the end are none of the summary's counts.
func (fe *FrontEnd) Collect(c Claims, sum *Summary) error {
	var s tally
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), c.Within)
	defer cancel()
	ids := make(chan string)
	var group sync.WaitGroup
	faults := make(chan error, claimers)
	for range claimers {
		group.Go(func() {
			for id := range ids {
				if err := fe.claim(ctx, &s, id, c); err != nil {
					select {
					case faults <- err:
					default:
					}
				}
			}
		})
	}
	for id := range c.Handles {
		ids <- id
	}
	close(ids)
	group.Wait()
	s.sum.Took = time.Since(began)
	*sum = s.sum
	select {
	case err := <-faults:
		return err
	default:
		return nil
	}
}

func (fe *FrontEnd) claim(ctx context.Context, s *tally, id string, c Claims) error {
	handle, err := natsbatch.ParseHandle(c.Handles[id])
	if err != nil {
		return fmt.Errorf("%s: %w", id, err)
	}
	read := fe.client.Wait
	if c.Get {
		read = fe.client.Get
	}
	s.count(func(s *Summary) { s.Sent++ })
	answer, err := read(ctx, handle)
	if errors.Is(err, natsbatch.ErrNoResult) || ctx.Err() != nil && err != nil {
		return nil
	}
	fe.outcome(s, id, answer, err)
	return nil
}

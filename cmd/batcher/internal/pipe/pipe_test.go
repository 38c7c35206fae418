//go:build unix

package pipe_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/cmd/batcher/internal/pipe"
)

// stuck is a reader or writer whose first calls go to what it holds, and whose
// later ones wait for the end of the test.
type stuck struct {
	io.Reader
	io.Writer
	calls int
	end   <-chan struct{}
}

func (s *stuck) Read(p []byte) (int, error) {
	if n, err := s.Reader.Read(p); err == nil {
		return n, nil
	}
	<-s.end
	return 0, io.EOF
}

func (s *stuck) Write(p []byte) (int, error) {
	if s.calls--; s.calls < 0 {
		<-s.end
	}
	return s.Writer.Write(p)
}

// The first part of a batch is printed, which makes room for more lines, and then
// nobody reads the rest.
func TestEndThoughABatchIsPrintedInPart(t *testing.T) {
	for _, unordered := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			ctx, interrupt := context.WithCancelCause(t.Context())
			cut, endAtOnce := context.WithCancelCause(t.Context())
			free := make(chan struct{})
			done := make(chan error)
			go func() {
				done <- pipe.Run(ctx, cut, pipe.Config{
					Options: batcher.Options{MaxSize: 3000, MaxPending: 3000, Manual: true},
					Command: []string{"cat"}, Unordered: unordered,
					Separator: '\n', MaxLine: 10, Grace: time.Hour,
				}, pipe.Streams{
					In:  &stuck{Reader: strings.NewReader(strings.Repeat("line\n", 10_000)), end: free},
					Out: &stuck{Writer: io.Discard, calls: 1, end: free},
					Err: io.Discard,
				})
			}()
			synctest.Wait()
			first := errors.New("interrupted")
			interrupt(first)
			synctest.Wait()
			endAtOnce(errors.New("interrupted again"))
			start := time.Now()
			if err := <-done; !errors.Is(err, first) {
				t.Errorf("unordered %t: got %v", unordered, err)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("unordered %t: Run returns after %v", unordered, took)
			}
			close(free)
		})
	}
}

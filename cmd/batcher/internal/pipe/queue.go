package pipe

import (
	"sync"

	"github.com/gobatcher/batcher"
)

// claim is a line, with the claim on its result or why it was not submitted.
type claim struct {
	number  int64
	result  batcher.Future[[]byte]
	refused error
}

// queue holds claims in the order of the input. One goroutine pushes and one takes.
// It is not a channel, since a channel allocates its whole capacity at once, and the
// window, which bounds the queue, may be very large.
type queue struct {
	news chan struct{} // holds one if something was pushed, or the queue closed, since the last look

	mu     sync.Mutex
	claims []claim // guarded by mu
	closed bool    // guarded by mu
}

func newQueue() *queue { return &queue{news: make(chan struct{}, 1)} }

func (q *queue) push(c claim) {
	q.mu.Lock()
	q.claims = append(q.claims, c)
	q.mu.Unlock()
	q.tell()
}

// close says that nothing more will be pushed.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.tell()
}

func (q *queue) tell() {
	select {
	case q.news <- struct{}{}:
	default:
	}
}

// take takes all claims in the queue, and leaves it spare to gather the next ones
// in. It reports whether more may come.
func (q *queue) take(spare []claim) (claims []claim, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	claims, q.claims = q.claims, spare[:0]
	return claims, !q.closed
}

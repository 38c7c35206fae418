package gateway

import "math/bits"

// scale maps two limits of a batch, weight and bytes, onto the one that a
// Batcher has: an item counts with its larger share of the two, so that
// batches which keep the one limit keep both. Shares are rounded up.
type scale struct {
	weight, bytes int // the limits; zero and less: none
}

// scaleFull is the share of an item that fills a batch alone.
const scaleFull = 1 << 30

func (s scale) limited() bool { return s.weight > 0 || s.bytes > 0 }

// share gives the item's part of scaleFull, more than that if it is over a limit.
func (s scale) share(item Item) int {
	return max(part(max(1, item.Weight), s.weight), part(len(item.Data), s.bytes))
}

// part is ceil(n·scaleFull/limit), no more than scaleFull+1.
func part(n, limit int) int {
	switch {
	case limit <= 0:
		return 0
	case n > limit:
		return scaleFull + 1
	}
	hi, lo := bits.Mul64(uint64(n), scaleFull)
	quo, rem := bits.Div64(hi, lo, uint64(limit))
	if rem > 0 {
		quo++
	}
	return int(quo)
}

func (r Route) scale() scale { return scale{weight: r.MaxWeight, bytes: r.MaxBatchBytes} }

package gateway

import (
	"math"
	"math/bits"
)

// scale maps two limits of a batch, weight and bytes, onto the one that a
// Batcher has: an item counts with its larger share of the two, so that
// batches which keep the one limit keep both.
type scale struct {
	weight, bytes int // the limits; zero and less: none
}

// scaleFull is the share of an item that fills a batch alone. Shares are
// rounded down, so that what fits exactly does; it is so large that the parts
// lost never add up to a whole unit in a batch that memory could hold.
const scaleFull = math.MaxInt >> 10

func (s scale) limited() bool { return s.weight > 0 || s.bytes > 0 }

// share gives the item's part of scaleFull, more than that if it is over a limit.
func (s scale) share(item Item) int {
	return max(part(max(1, item.Weight), s.weight), part(len(item.Data), s.bytes))
}

// part is n·scaleFull/limit, no more than scaleFull+1.
func part(n, limit int) int {
	switch {
	case limit <= 0:
		return 0
	case n > limit:
		return scaleFull + 1
	}
	hi, lo := bits.Mul64(uint64(n), scaleFull)
	quo, _ := bits.Div64(hi, lo, uint64(limit))
	return int(quo)
}

func (r Route) scale() scale { return scale{weight: r.MaxWeight, bytes: r.MaxBatchBytes} }

package gateway

import "math/bits"

// scale maps two limits of a batch, weight and bytes, onto the one that a
// Batcher has: an item counts with its larger share of the two, so a batch
// within the one limit is within both.
type scale struct {
	weight, bytes int // the limits; zero and less: none
}

// scaleFull is the share of an item that fills a batch alone. Shares are rounded
// down, so what fits exactly is let in; scaleFull is so large that what rounding
// loses never adds up to a unit of a limit in a batch that memory could hold; on 32
// bits, in a batch of 1,000 items or fewer with limits of 500,000 or less.
const scaleFull = 1 << min(53, bits.UintSize-3)

func (s scale) limited() bool { return s.weight > 0 || s.bytes > 0 }

// share returns the item's part of scaleFull, and more than scaleFull if the item
// is over a limit.
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

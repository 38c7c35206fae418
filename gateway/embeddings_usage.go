package gateway

import (
	"encoding/binary"
	"math/bits"
	"strconv"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

// The holes in the frame of an answer to embeddings.
const (
	embeddingsDataHole  = "\x01"
	embeddingsCountHole = "\x02" // a number in usage, one of several
)

// embeddingsFrame returns body with holes for data and the counts in usage, and
// the counts.
func embeddingsFrame(body []byte, data, usage jsonraw.Span) (frame []byte, counts []uint64) {
	var rest []byte
	frame, rest = append(frame, body[:data.Start]...), body[data.End:]
	if usage.Start < data.Start {
		frame, counts = cutCounts(append([]byte(nil), body[:usage.Start]...), usage.Of(body), nil)
		frame = append(frame, body[usage.End:data.Start]...)
	}
	frame = append(frame, embeddingsDataHole...)
	if usage.Start > data.Start {
		frame = append(frame, body[data.End:usage.Start]...)
		frame, counts = cutCounts(frame, usage.Of(body), nil)
		rest = body[usage.End:]
	}
	return append(frame, rest...), counts
}

// cutCounts appends value, a valid JSON text, to frame, with holes for the whole
// numbers in it that are members of objects, and those numbers to counts. Every
// caller gets what is no count, such as a price, as it is.
func cutCounts(frame, value []byte, counts []uint64) ([]byte, []uint64) {
	switch jsonraw.Kind(value) {
	case '{':
	case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		if n, err := strconv.ParseUint(string(value), 10, 64); err == nil {
			return append(frame, embeddingsCountHole...), append(counts, n)
		}
		return append(frame, value...), counts
	default:
		return append(frame, value...), counts
	}
	done := 0
	_ = jsonraw.Members(value, func(_ string, member jsonraw.Span) { // it was read before: a name twice is harmless here
		frame = append(frame, value[done:member.Start]...)
		frame, counts = cutCounts(frame, member.Of(value), counts)
		done = member.End
	})
	return append(frame, value[done:]...), counts
}

// shareOut appends the item's share of every count, by weight, to each result's
// Extra. The shares of all items up to any one add up to their part of the count,
// rounded down, and so the shares of all to the count.
func shareOut(results []Result, items []Item, counts []uint64) {
	if len(counts) == 0 {
		return
	}
	var total, upTo uint64
	for _, item := range items {
		total += uint64(max(1, item.Weight))
	}
	given := make([]uint64, len(counts))
	for i, item := range items {
		upTo += uint64(max(1, item.Weight))
		for k, count := range counts {
			hi, lo := bits.Mul64(count, upTo)
			part, _ := bits.Div64(hi, lo, total) // hi < total, since upTo <= total
			results[i].Extra = binary.AppendUvarint(results[i].Extra, part-given[k])
			given[k] = part
		}
	}
}

// varints reads varints one after the other, up to the first that is none.
func varints(data []byte) (all []uint64) {
	for len(data) > 0 {
		v, n := binary.Uvarint(data)
		if n <= 0 {
			break
		}
		all, data = append(all, v), data[n:]
	}
	return all
}

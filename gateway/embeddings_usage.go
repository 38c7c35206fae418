package gateway

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
	"strconv"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

// The holes in the frame of an answer to embeddings.
const (
	embeddingsDataHole  = "\x01"
	embeddingsCountHole = "\x02" // a number in usage, one of several
)

// usageCount is a whole number in usage.
type usageCount struct {
	name uint32 // a sum of the names on the way to it
	n    uint64
}

// maxCounts is the most numbers in usage that are divided. Each item gets a share of
// each, so a few bytes could become millions.
const maxCounts = 64

// embeddingsFrame returns body with holes for data and the counts in usage, and
// the counts.
func embeddingsFrame(body []byte, data, usage jsonraw.Span) (frame []byte, counts []usageCount) {
	var rest []byte
	frame, rest = append(frame, body[:data.Start]...), body[data.End:]
	if usage.Start < data.Start {
		frame, counts = cutCounts(append([]byte(nil), body[:usage.Start]...), usage.Of(body), 0, nil)
		frame = append(frame, body[usage.End:data.Start]...)
	}
	frame = append(frame, embeddingsDataHole...)
	if usage.Start > data.Start {
		frame = append(frame, body[data.End:usage.Start]...)
		frame, counts = cutCounts(frame, usage.Of(body), 0, nil)
		rest = body[usage.End:]
	}
	return append(frame, rest...), counts
}

// cutCounts appends value, a valid JSON text of this name, to frame, with holes for
// the whole numbers in it that are members of objects, and those numbers to counts.
// Every caller gets what is no count, such as a price, as it is.
func cutCounts(frame, value []byte, name uint32, counts []usageCount) ([]byte, []usageCount) {
	switch jsonraw.Kind(value) {
	case '{':
	case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		if n, err := strconv.ParseUint(string(value), 10, 64); err == nil && len(counts) < maxCounts {
			return append(frame, embeddingsCountHole...), append(counts, usageCount{name, n})
		}
		return append(frame, value...), counts
	default:
		return append(frame, value...), counts
	}
	done := 0
	_ = jsonraw.Members(value, func(own string, member jsonraw.Span) { // it was read before: a name twice is harmless here
		frame = append(frame, value[done:member.Start]...)
		frame, counts = cutCounts(frame, member.Of(value), crc32.Update(name, crc32.IEEETable, []byte(own+"\x00")), counts)
		done = member.End
	})
	return append(frame, value[done:]...), counts
}

// shareOut appends the item's share of every count, by weight, to each result's
// Extra, after the count's name. The shares of all items up to any one add up to their part of the count,
// rounded down, and so the shares of all to the count.
func shareOut(results []Result, items []Item, counts []usageCount) {
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
			hi, lo := bits.Mul64(count.n, upTo)
			part, _ := bits.Div64(hi, lo, total) // hi < total, since upTo <= total
			results[i].Extra = binary.AppendUvarint(binary.AppendUvarint(results[i].Extra, uint64(count.name)), part-given[k])
			given[k] = part
		}
	}
}

// addShares adds shares to usage, both as shareOut writes them. An upstream may name
// its counts in another order in each answer. It is false if it names others.
func addShares(usage, shares []uint64) bool {
	for k := 0; k < len(shares); k += 2 {
		at := 0
		for at < len(usage) && usage[at] != shares[k] {
			at += 2
		}
		if at == len(usage) {
			return false
		}
		usage[at+1] += shares[k+1]
	}
	return len(shares) == len(usage)
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

package gateway

import (
	"bytes"
	"math"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

// fits reports whether data, an array, hold values of a datatype only. Both are
// valid JSON, and there are no objects in data. A floating-point number is any
// number; of a datatype that is not known, any value is one.
func fits(datatype, data []byte) bool {
	switch string(datatype) {
	case `"BOOL"`:
		return !bytes.ContainsAny(data, `"n-0123456789`)
	case `"UINT8"`:
		return areIntegers(data, math.MaxUint8, false)
	case `"UINT16"`:
		return areIntegers(data, math.MaxUint16, false)
	case `"UINT32"`:
		return areIntegers(data, math.MaxUint32, false)
	case `"UINT64"`:
		return areIntegers(data, math.MaxUint64, false)
	case `"INT8"`:
		return areIntegers(data, math.MaxInt8, true)
	case `"INT16"`:
		return areIntegers(data, math.MaxInt16, true)
	case `"INT32"`:
		return areIntegers(data, math.MaxInt32, true)
	case `"INT64"`:
		return areIntegers(data, math.MaxInt64, true)
	case `"FP16"`, `"BF16"`, `"FP32"`, `"FP64"`:
		return areNumbers(data)
	case `"BYTES"`:
		return areStrings(data)
	}
	return true
}

// areIntegers reports whether data hold nothing but integers up to most, and, if
// signed, down to -most-1. They fit 64 bits, or the text is odd anyway.
func areIntegers(data []byte, most uint64, signed bool) bool {
	n, limit := uint64(0), most
	for _, c := range data {
		switch {
		case c-'0' < 10:
			if n = 10*n + uint64(c-'0'); n > limit {
				return false
			}
		case c == '-' && signed:
			limit = most + 1
		case isBetween(c):
			n, limit = 0, most
		default:
			return false
		}
	}
	return true
}

// areNumbers reports whether data hold neither strings nor null, true or false. It
// looks for one byte of each, which is faster than to look at all bytes.
func areNumbers(data []byte) bool {
	for _, c := range []byte(`"us`) {
		if bytes.IndexByte(data, c) >= 0 {
			return false
		}
	}
	return true
}

// areStrings reports whether data hold nothing but strings.
func areStrings(data []byte) bool {
	for at := 0; at < len(data); at++ {
		switch {
		case data[at] == '"':
			at += jsonraw.Scalar(data[at:]) - 1
		case !isBetween(data[at]):
			return false
		}
	}
	return true
}

// isBetween reports whether c may stand between the values of nested arrays.
func isBetween(c byte) bool {
	return c == ',' || c == ' ' || c == '[' || c == ']' || c == '\n' || c == '\r' || c == '\t'
}

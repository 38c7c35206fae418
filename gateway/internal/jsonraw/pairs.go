package jsonraw

import (
	"bytes"
	"strconv"
)

// Paired reports whether every escape of half a character (a surrogate, as in
// "\ud83d") in data, a valid text, stands beside its other half. RFC 8259 lets
// a text have one alone, and leaves open what it means: servers that decode to
// UTF-8 refuse it, or put something else in its place.
func Paired(data []byte) bool {
	for at := 0; at < len(data); {
		next := bytes.IndexByte(data[at:], '\\')
		if next < 0 {
			break
		}
		at += next
		switch unit := unitAt(data, at); unit &^ 0x3ff {
		case 0xd800:
			if unitAt(data, at+6)&^0x3ff != 0xdc00 {
				return false
			}
			at += 12
		case 0xdc00:
			return false
		default:
			at += 2
		}
	}
	return true
}

// unitAt gives what the escape at at stands for, \u with four digits; 0 if there
// is none.
func unitAt(data []byte, at int) uint64 {
	if len(data) < at+6 || data[at] != '\\' || data[at+1] != 'u' {
		return 0
	}
	unit, err := strconv.ParseUint(string(data[at+2:at+6]), 16, 16)
	if err != nil {
		return 0
	}
	return unit
}

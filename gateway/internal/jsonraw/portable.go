package jsonraw

import (
	"bytes"
	"strconv"
)

// Portable reports whether every server reads data, a valid text, and alike.
// Half of a character (an escape of a surrogate, as in "\ud83d") without its
// other half is allowed by RFC 8259, which leaves open what it means: servers
// that decode to UTF-8 refuse it, or put something else in its place. NaN and
// the infinities are no JSON at all, though some read and write them.
func Portable(data []byte) bool { return paired(data) && finite(data) }

// finite reports whether data holds neither NaN nor an infinity, but in strings.
func finite(data []byte) bool {
	if !bytes.Contains(data, []byte("NaN")) && !bytes.Contains(data, []byte("Infinity")) {
		return true
	}
	for at := 0; at < len(data); at++ {
		switch data[at] {
		case 'N', 'I':
			return false
		case '"':
			end, err := text(data, at)
			if err != nil {
				return true // it is not valid
			}
			at = end - 1
		}
	}
	return true
}

// paired reports whether every half of a character stands beside its other half.
func paired(data []byte) bool {
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

// unitAt returns the UTF-16 unit that the escape at at, \u with four digits,
// stands for; 0 if there is none.
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

package pipe

import (
	"slices"
	"strconv"
	"strings"
)

// span is the line numbers from first to last, both included.
type span struct{ first, last int64 }

// spans is a set of line numbers: sorted, and no two of them touch. The lines
// of a batch follow one another, so a few spans hold any number of lines.
type spans []span

// add adds the numbers of s, none of which is in the set. It is quick near
// the end of the set.
func (ss *spans) add(s span) {
	i := len(*ss)
	for i > 0 && (*ss)[i-1].first > s.first {
		i--
	}
	*ss = slices.Insert(*ss, i, s)
	ss.join(i)
	if i > 0 {
		ss.join(i - 1)
	}
}

// join merges the spans at i and i+1 if they touch.
func (ss *spans) join(i int) {
	if i+1 < len(*ss) && (*ss)[i].last+1 == (*ss)[i+1].first {
		(*ss)[i].last = (*ss)[i+1].last
		*ss = slices.Delete(*ss, i+1, i+2)
	}
}

// missing returns the numbers from 1 to last that are not in the set.
func (ss spans) missing(last int64) spans {
	var gaps spans
	next := int64(1)
	for _, s := range ss {
		if next < s.first {
			gaps = append(gaps, span{next, s.first - 1})
		}
		next = s.last + 1
	}
	if next <= last {
		gaps = append(gaps, span{next, last})
	}
	return gaps
}

// count returns how many numbers are in the set.
func (ss spans) count() (n int64) {
	for _, s := range ss {
		n += s.last - s.first + 1
	}
	return n
}

// String formats the set like "3, 7-9".
func (ss spans) String() string {
	var b strings.Builder
	for i, s := range ss {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.FormatInt(s.first, 10))
		if s.last > s.first {
			b.WriteByte('-')
			b.WriteString(strconv.FormatInt(s.last, 10))
		}
	}
	return b.String()
}

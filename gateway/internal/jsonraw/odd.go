package jsonraw

import (
	"bytes"
	"strconv"
)

// This file says what makes a text odd. RFC 8259 leaves it to parsers to set
// limits on depth, on the range of numbers and on the characters of strings
// (sections 6, 8.2 and 9), so what one takes another refuses, with all else that
// came with it. Servers in JavaScript refuse names by which a text could change the
// prototypes of their objects.

// The most that every parser takes.
const (
	oddDepth  = 30     // arrays and objects in one another: ASP.NET Core takes 32, and a batch may add one
	oddNumber = 100    // bytes of a number: Jackson takes 1,000
	oddName   = 10_000 // bytes of a name, quotes included: Jackson takes 50,000
	oddLarge  = 308    // an exponent, also of zero: RapidJSON takes no larger one
	oddSmall  = -999   // an exponent: PostgreSQL takes -16,383
)

// Integers of so many bytes fit 64 bits, and numbers of no more than oddNumber
// bytes with so many digits in their exponents are within the range of a double.
const (
	plainLength   = 18
	plainExponent = 2
)

// Names that Fastify refuses, the second one within a member named constructor, and
// hapi the first, and the bytes of either.
const (
	oddProto     = `"__proto__"`
	oddPrototype = `"prototype"`
	shortOddName = len(oddProto)
)

// called is called for each name of at least shortOddName bytes, quotes included. It
// looks at the first byte of most only.
func (s *Scanner) called(name []byte) {
	switch first := name[1]; {
	case len(name) > oddName:
		s.Odd = true
	case first != oddProto[1] && first != oddPrototype[1] && first != '\\':
	case len(name) == shortOddName:
		s.Odd = s.Odd || string(name) == oddProto || string(name) == oddPrototype
	case bytes.IndexByte(name, '\\') >= 0:
		s.Odd = s.Odd || isNamed(name, "__proto__") || isNamed(name, "prototype")
	}
}

// long is called for each number of more than plainLength bytes. An integer,
// which is whole, is odd if it does not fit 64 bits: simdjson has no other.
func (s *Scanner) long(number []byte, whole bool) {
	var err error
	if whole {
		if _, err = strconv.ParseInt(string(number), 10, 64); err != nil {
			_, err = strconv.ParseUint(string(number), 10, 64)
		}
	}
	s.Odd = s.Odd || err != nil || len(number) > oddNumber
}

// large is called for each number with more than plainExponent digits in its
// exponent. It is odd if it is out of the range of a double.
func (s *Scanner) large(number []byte) {
	exponent, err := strconv.Atoi(string(number[bytes.IndexAny(number, "eE")+1:]))
	if err == nil {
		_, err = strconv.ParseFloat(string(number), 64)
	}
	s.Odd = s.Odd || err != nil || exponent > oddLarge || exponent < oddSmall
}

// enter is called for each array and object with its depth.
func (s *Scanner) enter(depth int) error {
	if depth > oddDepth {
		s.Odd = true
	}
	if depth > maxDepth {
		return ErrDepth
	}
	return nil
}

// infinite returns the end of NaN or Infinity, which are no JSON at all, though
// some read and write them.
func (s *Scanner) infinite(at int, word string) (end int, err error) {
	s.Odd = true
	return literal(s.data, at, word)
}

// unit returns the last place of the escape of a UTF-16 unit that begins at at,
// and of its other half if it is the first half of a character. Either half alone
// is odd, and so is U+0000: it ends the strings of some languages, and PostgreSQL
// has no text with it.
func (s *Scanner) unit(at int) (last int) {
	switch unit := unitAt(s.data, at); {
	case unit&^0x3ff == 0xd800 && unitAt(s.data, at+6)&^0x3ff == 0xdc00:
		return at + 11
	case unit&^0x7ff == 0xd800 || unit == 0:
		s.Odd = true
	}
	return at + 5
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

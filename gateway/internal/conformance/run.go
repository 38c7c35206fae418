package conformance

import "testing"

// Run runs the suite.
func Run(t *testing.T, f Fixture) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, f Fixture)
	}{
		{"alone", alone},
		{"everyone gets its own", everyoneGetsItsOwn},
		{"a crowd", crowd},
		{"split and joined", splitAndJoined},
		{"calls of all sizes", callsOfAllSizes},
		{"headers divide", headersDivide},
		{"queries divide", queriesDivide},
		{"bodies divide", bodiesDivide},
		{"malformed", malformed},
		{"passed through alone", passedThrough},
		{"miscounted", miscounted},
		{"garbage", garbage},
		{"refused", refused},
		{"overheard", overheard},
		{"unavailable", unavailable},
		{"reset", reset},
		{"slow", slow},
		{"too slow", tooSlow},
		{"oversized item", oversizedItem},
		{"oversized body", oversizedBody},
		{"too many items", tooMany},
		{"culprit alone", culpritAlone},
		{"odd", odd},
		{"left before", leftBefore},
		{"all left", allLeft},
		{"no room", noRoom},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, f) })
	}
}

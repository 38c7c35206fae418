package jsonraw

import (
	"fmt"
	"slices"
)

// fewNames is how many names of an object are compared one by one: with more, a
// map is faster, also where somebody means to slow it down.
const fewNames = 12

// maxNames is the most members of an object whose names are compared: a few bytes
// may unpack to millions.
const maxNames = 1 << 14

// names are those of an object so far.
type names struct {
	few  [fewNames]string
	n    int
	many map[string]bool
}

// add notes the name at byte at. It fails if the name was there already. The error
// does not quote it: it may reach those that must not see the text.
func (s *names) add(name string, at int) error {
	switch {
	case s.many[name] || slices.Contains(s.few[:s.n], name):
		return fmt.Errorf("JSON: the name at byte %d occurs twice in its object", at)
	case len(s.many) == maxNames:
		return fmt.Errorf("JSON: an object has more than %d names", maxNames)
	case s.many != nil:
		s.many[name] = true
		return nil
	case s.n < fewNames:
		s.few[s.n] = name
		s.n++
		return nil
	}
	s.many = make(map[string]bool, 2*fewNames)
	for _, other := range s.few {
		s.many[other] = true
	}
	s.many[name] = true
	return nil
}

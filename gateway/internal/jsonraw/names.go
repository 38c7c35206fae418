package jsonraw

import (
	"fmt"
	"slices"
)

// fewNames is how many names of an object are compared one by one: with more,
// a map is quicker, and does not grow slow where somebody means it to.
const fewNames = 12

// maxNames bounds the members of an object whose names are compared: a few
// bytes may unpack to millions.
const maxNames = 1 << 14

// names are those of an object so far.
type names struct {
	few  [fewNames]string
	n    int
	many map[string]bool
}

// add notes the name that stands at at. It fails if it was there already, and
// does not say the name: an error goes where what it is about may not.
func (s *names) add(name string, at int) error {
	switch {
	case s.many[name] || slices.Contains(s.few[:s.n], name):
		return fmt.Errorf("JSON: the name at byte %d stands twice in its object", at)
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

package jsonraw

import "slices"

// fewNames is how many names of an object are compared one by one: with more,
// a map is quicker, and does not grow slow where somebody means it to.
const fewNames = 12

// names are those of an object so far.
type names struct {
	few  [fewNames]string
	n    int
	many map[string]bool
}

// add notes a name, and reports whether it was there already.
func (s *names) add(name string) (twice bool) {
	if s.many != nil {
		twice = s.many[name]
		s.many[name] = true
		return twice
	}
	if slices.Contains(s.few[:s.n], name) {
		return true
	}
	if s.n < fewNames {
		s.few[s.n] = name
		s.n++
		return false
	}
	s.many = make(map[string]bool, 2*fewNames)
	for _, other := range s.few {
		s.many[other] = true
	}
	s.many[name] = true
	return false
}

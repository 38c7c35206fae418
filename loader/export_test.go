package loader

// Underway counts what a Loader holds beside its cache: calls, fetches, places
// in the line for room, and entries of its table that no Load can use.
func Underway[K comparable, V any](l *Loader[K, V]) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.flights) + len(l.queued)
	for key, e := range l.table.entries {
		if e.call != nil || !e.cached || key != key {
			n++
		}
	}
	return n
}

// Starter lets tests hold back tasks where a LoadAll would be too quick to be
// caught at it.
type Starter struct{ s starter }

func (s *Starter) Start(task func())      { s.s.start(task) }
func (s *Starter) Hold() (release func()) { return s.s.hold() }

package loader

import "sync"

// starter is the Options.Go of a Loader's Batcher. It can hold back the start
// of a fetch while a LoadAll hands in its keys: an idle Batcher would fetch
// the first few alone, as fast as another processor wakes up.
type starter struct {
	mu      sync.Mutex // guards what follows
	holding bool
	held    []func()
}

// start runs task in a goroutine of its own, at once or when it is released.
func (s *starter) start(task func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holding {
		s.held = append(s.held, task)
		return
	}
	go task()
}

// hold begins to hold tasks back and returns the function that ends it. Only one
// LoadAll holds at a time, or a stream of overlapping ones could hold for ever;
// if another does, neither function does anything.
func (s *starter) hold() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holding {
		return func() {}
	}
	s.holding = true
	return s.release
}

func (s *starter) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, task := range s.held {
		go task()
	}
	s.holding, s.held = false, nil
}

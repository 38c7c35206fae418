package subject_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobatcher/batcher/bench/subject"
)

func settings(work func(int)) subject.Settings {
	return subject.Settings{MaxSize: 64, Delay: time.Millisecond, Handlers: 2, Work: work}
}

func TestCallersGetTheirOwnAnswers(t *testing.T) {
	for _, s := range subject.All() {
		t.Run(s.Name, func(t *testing.T) {
			var worked atomic.Int64
			service := s.Start(settings(func(size int) { worked.Add(int64(size)) }))
			defer service.Stop()
			var callers sync.WaitGroup
			for caller := range 100 {
				call := service.Caller()
				callers.Go(func() {
					for i := range 5 {
						req := caller<<8 | i
						if res, err := call(req); res != req || err != nil {
							t.Errorf("request %d: got %d, %v", req, res, err)
						}
					}
				})
			}
			callers.Wait()
			if worked.Load() != 500 {
				t.Errorf("batches held %d requests, want 500", worked.Load())
			}
		})
	}
}

func TestBurstIsAnsweredInOrder(t *testing.T) {
	const n = 1000 // no multiple of the batch size: a partial batch has to be answered too
	for _, s := range subject.All() {
		t.Run(s.Name, func(t *testing.T) {
			var worked atomic.Int64
			service := s.Start(settings(func(size int) { worked.Add(int64(size)) }))
			defer service.Stop()
			submit, collect := service.Burst(n)
			for i := range n {
				submit(i)
			}
			for i := range n {
				if res, err := collect(i); res != i || err != nil {
					t.Fatalf("request %d: got %d, %v", i, res, err)
				}
			}
			if worked.Load() != n {
				t.Errorf("batches held %d requests, want %d", worked.Load(), n)
			}
		})
	}
}

func TestNamesAreUniqueAndFound(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range subject.All() {
		if seen[s.Name] {
			t.Errorf("%s: name is used twice", s.Name)
		}
		seen[s.Name] = true
		if found, ok := subject.ByName(s.Name); !ok || found.Use != s.Use {
			t.Errorf("%s: not found by its name", s.Name)
		}
	}
	if _, ok := subject.ByName("no such subject"); ok {
		t.Error("a name that no subject has was found")
	}
}

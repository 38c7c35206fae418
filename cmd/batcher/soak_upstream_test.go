//go:build unix

package main_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// mood is how an upstream behaves.
type mood int

const (
	well    mood = iota
	busy         // 503 with Retry-After
	gone         // closes connections without an answer
	cut          // closes them in the middle of one
	slow         // answers after the route's timeout
	foolish      // answers with what is no JSON
	short        // answers for one item too few
	moods
)

// flapping is an upstream that echoes instances, most of the time.
type flapping struct {
	late  time.Duration // how long it takes when it is slow
	mu    sync.Mutex
	mood  mood   // guarded by mu
	ill   []span // when it was not well; guarded by mu
	calls [moods]int
}

// span is a time.
type span struct{ from, to time.Time }

// run changes the mood until ctx ends, and leaves it well.
func (f *flapping) run(ctx context.Context) {
	for ctx.Err() == nil {
		pause(ctx, time.Duration(500+rand.IntN(2000))*time.Millisecond)
		f.become(1 + mood(rand.IntN(int(moods)-1)))
		pause(ctx, time.Duration(100+rand.IntN(200))*time.Millisecond)
		f.become(well)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (f *flapping) become(m mood) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mood = m
	now := time.Now()
	if m != well {
		f.ill = append(f.ill, span{from: now})
		return
	}
	if n := len(f.ill); n > 0 {
		// A caller soon after may wait for calls that are to time out, and
		// has little of its own time left then.
		f.ill[n-1].to = now.Add(f.late / 4)
	}
}

// wasIll reports whether it was not well at some time from then to now.
func (f *flapping) wasIll(then time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.ill) - 1; i >= 0; i-- {
		if end := f.ill[i].to; end.IsZero() || end.After(then) {
			return true
		}
	}
	return false
}

func (f *flapping) now() mood {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[f.mood]++
	return f.mood
}

func (f *flapping) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	answer := bytes.Replace(body, []byte("instances"), []byte("predictions"), 1)
	time.Sleep(time.Millisecond)
	switch f.now() {
	case busy:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	case gone:
		panic(http.ErrAbortHandler)
	case cut:
		w.Header().Set("Content-Length", "1000")
		w.Write(answer[:len(answer)/2])
		panic(http.ErrAbortHandler)
	case slow:
		pause(r.Context(), f.late)
	case foolish:
		answer = []byte("no JSON")
	case short:
		answer = []byte(`{"predictions":[]}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(answer)
}

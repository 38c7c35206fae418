// Package watch tells when files change.
package watch

import (
	"crypto/sha256"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long after an event the files are looked at: an editor and a
// mounted Kubernetes volume change a file in several steps.
const settle = 100 * time.Millisecond

// mostSettles is how many times over that may be put off by further events:
// a folder in which a log grows never settles.
const mostSettles = 10

// Files watches files until Close. It costs nothing while none changes.
type Files struct {
	// Changed holds a value after the content of one of them has changed; a
	// file that comes or goes has changed too.
	Changed <-chan struct{}

	changed chan struct{}
	events  *fsnotify.Watcher
	done    chan struct{}

	mu   sync.Mutex
	seen sums // guarded by mu
}

// New makes a Files of no files.
func New() (*Files, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	f := &Files{changed: make(chan struct{}, 1), events: events, done: make(chan struct{}), seen: make(sums)}
	f.Changed = f.changed
	go f.run()
	return f, nil
}

// Set watches these files in place of those before. What counts as changed
// is measured from when a file was first named, so that nothing is missed
// between reading files and naming them again. A folder that cannot be watched
// is an error; the others are watched all the same.
func (f *Files) Set(paths []string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := follow(f.events, paths)
	f.seen = f.seen.of(paths)
	return err
}

// Close ends the watch.
func (f *Files) Close() error {
	err := f.events.Close()
	<-f.done
	return err
}

func (f *Files) run() {
	defer close(f.done)
	settled := time.NewTimer(settle) // finds nothing changed
	defer settled.Stop()
	var until time.Time // when the files are looked at in any case; zero: nothing has happened
	happened := func() {
		if until.IsZero() {
			until = time.Now().Add(mostSettles * settle)
		}
		settled.Reset(min(settle, time.Until(until)))
	}
	for {
		select {
		case _, ok := <-f.events.Events:
			if !ok {
				return
			}
			happened()
		case err := <-f.events.Errors: // an overflow, or nil at the end
			if err != nil {
				happened() // events may be lost
			}
		case <-settled.C:
			until = time.Time{}
			f.compare()
		}
	}
}

// compare tells if a file has changed. The way to it may have changed too.
func (f *Files) compare() {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = follow(f.events, slices.Collect(maps.Keys(f.seen))) // before they are read, to miss nothing
	if !f.seen.changed() {
		return
	}
	select {
	case f.changed <- struct{}{}:
	default: // it is told already
	}
}

// sums tell contents of files apart, by their paths.
type sums map[string][sha256.Size]byte

// of gives those of these paths, as they were for those that are known.
func (s sums) of(paths []string) sums {
	of := make(sums, len(paths))
	for _, path := range paths {
		known, ok := s[path]
		if !ok {
			known = sum(path)
		}
		of[path] = known
	}
	return of
}

// changed takes over how files are now, and reports whether one was different.
func (s sums) changed() (yes bool) {
	for path, before := range s {
		now := sum(path)
		yes = yes || now != before
		s[path] = now
	}
	return yes
}

// sum is zero for a file that is not there, and for one that is none: a pipe
// gives what it has only once.
func sum(path string) (s [sha256.Size]byte) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return s
	}
	file, err := os.Open(path)
	if err != nil {
		return s
	}
	defer func() { _ = file.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return s
	}
	return [sha256.Size]byte(h.Sum(nil))
}

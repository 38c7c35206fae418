// Package watch reports when files change.
package watch

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/gobatcher/batcher/cmd/batcher/internal/once"
)

// settle is how long after an event the files are read: editors and mounted
// Kubernetes volumes change a file in several steps.
const settle = 100 * time.Millisecond

// mostSettles is how many settles long further events may put that off: a folder
// in which a log grows never settles.
const mostSettles = 10

// again is how soon files are read again if one could not be.
const again = time.Second

// Files watches files until Close. It costs nothing while nothing changes.
type Files struct {
	// Changed holds a value after the content of a file has changed, or a file has
	// appeared or disappeared. One that may not be read counts as none; one that cannot
	// be read for another reason, such as that no file descriptor is left, is read again
	// until it can be.
	Changed <-chan struct{}

	changed chan struct{}
	events  *fsnotify.Watcher
	done    chan struct{}

	mu   sync.Mutex
	seen contents // guarded by mu
}

// New returns a Files that watches no files yet.
func New() (*Files, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	f := &Files{changed: make(chan struct{}, 1), events: events, done: make(chan struct{}), seen: make(contents)}
	f.Changed = f.changed
	go f.run()
	return f, nil
}

// Set watches these files in place of those before. A file that was watched before
// is compared with what it was then, so no change is missed between reading files
// and calling Set again. It returns an error if a folder cannot be watched; the
// others are watched all the same.
func (f *Files) Set(paths []string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := follow(f.events, paths, f.seen)
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
	var until time.Time // when the files are compared in any case; zero: nothing has happened
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
			if !f.compare() {
				settled.Reset(again)
			}
		}
	}
}

// compare reports to Changed if a file has changed. The links on the way to it may
// have changed too. It returns false if a file could not be read.
func (f *Files) compare() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = follow(f.events, slices.Collect(maps.Keys(f.seen)), f.seen) // before they are read, to miss nothing
	yes, whole := f.seen.changed()
	if yes {
		select {
		case f.changed <- struct{}{}:
		default: // it is reported already
		}
	}
	return whole
}

// contents are those of files, by path.
type contents map[string]content

// content is that at one path.
type content struct {
	sum [sha256.Size]byte // a hash; zero: there is no file
	was bool              // there has been one
}

// with returns the content with what is at its path now.
func (c content) with(sum [sha256.Size]byte) content {
	return content{sum, c.was || sum != [sha256.Size]byte{}}
}

// of returns the contents of these paths, keeping those that are known.
func (s contents) of(paths []string) contents {
	of := make(contents, len(paths))
	for _, path := range paths {
		known, ok := s[path]
		if !ok {
			now, _ := sum(path) // if it cannot be read, that it can will be a change
			known = content{}.with(now)
		}
		of[path] = known
	}
	return of
}

// changed brings s up to date, and reports whether any sum was different, and whether
// all files could be read.
func (s contents) changed() (yes, whole bool) {
	whole = true
	for path, before := range s {
		now, err := sum(path)
		if err != nil {
			whole = false
			continue
		}
		yes = yes || now != before.sum
		s[path] = before.with(now)
	}
	return yes, whole
}

// sum returns zero for a path with no file, or one that may not be read, and for
// anything but a regular file: a pipe can be read only once. It fails if there is a
// file that cannot be read for now.
func sum(path string) (s [sha256.Size]byte, err error) {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return s, nil
	}
	file, err := once.Open(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	defer func() { _ = file.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return s, err
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

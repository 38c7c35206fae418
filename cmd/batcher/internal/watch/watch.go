// Package watch tells when files change.
package watch

import (
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long after an event the files are looked at: an editor and a
// mounted Kubernetes volume change a file in several steps.
const settle = 100 * time.Millisecond

// Files watches files until Close. It costs nothing while none changes.
type Files struct {
	// Changed holds a value after the content of one of them has changed; a
	// file that comes or goes has changed too.
	Changed <-chan struct{}

	changed chan struct{}
	events  *fsnotify.Watcher
	paths   chan []string
	done    chan struct{}
}

// New makes a Files of no files.
func New() (*Files, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	f := &Files{changed: make(chan struct{}, 1), events: events, paths: make(chan []string), done: make(chan struct{})}
	f.Changed = f.changed
	go f.run()
	return f, nil
}

// Set watches these files in place of those before, compared with what they
// hold now. A folder that cannot be watched is an error; the others are
// watched all the same. It must not be called after Close.
func (f *Files) Set(paths []string) error {
	var errs []error
	for _, path := range paths {
		// The folder, not the file: files are replaced more often than written.
		errs = append(errs, f.events.Add(filepath.Dir(path)))
	}
	f.paths <- paths
	return errors.Join(errs...)
}

// Close ends the watch.
func (f *Files) Close() error {
	err := f.events.Close()
	<-f.done
	return err
}

func (f *Files) run() {
	defer close(f.done)
	var paths []string
	seen := sum(paths)
	settled := time.NewTimer(settle) // finds nothing changed
	defer settled.Stop()
	for {
		select {
		case paths = <-f.paths:
			seen = sum(paths)
		case _, ok := <-f.events.Events:
			if !ok {
				return
			}
			settled.Reset(settle)
		case err := <-f.events.Errors: // an overflow, or nil at the end
			if err != nil {
				settled.Reset(settle) // events may be lost
			}
		case <-settled.C:
			if now := sum(paths); now != seen {
				seen = now
				f.tell()
			}
		}
	}
}

func (f *Files) tell() {
	select {
	case f.changed <- struct{}{}:
	default: // it is told already
	}
}

// sum tells contents of files apart.
func sum(paths []string) (s [sha256.Size]byte) {
	all := sha256.New()
	for _, path := range paths {
		text, err := os.ReadFile(path)
		one := sha256.Sum256(text)
		all.Write(one[:])
		if err != nil {
			all.Write([]byte{1})
		}
	}
	all.Sum(s[:0])
	return s
}

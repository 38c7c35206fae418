package serve

import (
	"bytes"
	"io"
	"sync"
	"time"
)

// lines is where all logs of the program go. A line that is written goes out at
// once; one that is gathered goes out with others, gatherTime later at the latest.
// Their order is kept. If out blocks, no request waits for it, and the program
// still ends: lines for which there is no room are dropped, and so are those that out
// does not take.
type lines struct {
	out  io.Writer
	lost func(n int) // logs how many lines were dropped; may be nil
	torn bool        // out has taken a part of a line; used by the goroutine that writes

	mu      sync.Mutex // guards what follows
	held    []byte
	spare   []byte        // room for what is held next
	due     bool          // a timer will write what is held
	writing chan struct{} // closed when all that is held is out; nil: nobody writes
	dropped int           // since lost was called last
}

const (
	gatherTime = 100 * time.Millisecond
	gatherSize = 32 << 10 // bytes; a pipe holds twice as many on Linux
	mostHeld   = 1 << 20  // bytes that wait for a writer that does not go on

	writePatience = 100 * time.Millisecond // longest that Write waits
	flushPatience = time.Second            // longest that flush waits
)

// Write writes what is held, and then line.
func (l *lines) Write(line []byte) (int, error) {
	wait(l.add(line, true), writePatience)
	return len(line), nil
}

// flush writes what is held.
func (l *lines) flush() { wait(l.add(nil, true), flushPatience) }

// add holds line, starts writing all that is held if it is to go out now, and
// returns a channel that is closed when that is done, or nil if there is nothing
// to wait for.
func (l *lines) add(line []byte, now bool) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case len(l.held)+len(line) > max(mostHeld, len(line)):
		l.dropped++
	default:
		l.held = append(l.held, line...)
	}
	switch {
	case l.writing != nil || len(l.held) == 0: // the running write takes it along
	case now || len(l.held) >= gatherSize:
		l.writing = make(chan struct{})
		go l.write(l.writing)
	case !l.due:
		l.due = true
		time.AfterFunc(gatherTime, l.writeDue)
	}
	return l.writing
}

// writeDue writes what is held when its time has come.
func (l *lines) writeDue() {
	l.mu.Lock()
	l.due = false
	l.mu.Unlock()
	l.add(nil, true)
}

// write writes until nothing is held any more, and closes done.
func (l *lines) write(done chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer close(done)
	failed := false
	for len(l.held) > 0 {
		now := l.held
		l.held = l.spare[:0]
		l.mu.Unlock()
		lost := l.put(now)
		l.mu.Lock()
		l.dropped += lost
		failed = lost > 0
		if l.spare = now; cap(now) > 2*gatherSize {
			l.spare = nil
		}
	}
	l.writing = nil
	if l.dropped > 0 && !failed && l.lost != nil {
		go l.lost(l.dropped) // it writes a line
		l.dropped = 0
	}
}

// put writes text and returns how many of its lines out has not taken, as when a disk is
// full. A line that it took a part of is ended before the next one.
func (l *lines) put(text []byte) (lost int) {
	if l.torn {
		if _, err := l.out.Write(newline); err != nil {
			return bytes.Count(text, newline)
		}
	}
	n, err := l.out.Write(text)
	l.torn = err != nil && n > 0 && text[n-1] != newline[0]
	return bytes.Count(text[n:], newline)
}

var newline = []byte("\n")

// wait waits until done is closed, for most at the longest; nil counts as closed.
func wait(done <-chan struct{}, most time.Duration) {
	if done == nil {
		return
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// gathered is a writer of lines that may wait for others. With a line for each
// request it saves a system call for each, which is 7 % of the processor time
// where 128 are answered at once, and waking the reader of the log.
type gathered struct{ *lines }

func (l gathered) Write(line []byte) (int, error) {
	l.add(line, false)
	return len(line), nil
}

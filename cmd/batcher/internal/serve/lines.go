package serve

import (
	"io"
	"sync"
	"time"
)

// lines is where all logs of the program go. A line that is written goes out
// at once; one that is gathered goes with others, at the latest gatherTime
// after it. The order is kept. Where nobody takes them, no request waits for
// that, and the program ends all the same: what finds no room is dropped.
type lines struct {
	out  io.Writer
	lost func(n int) // logs how many lines were dropped; nil: nobody is told

	mu      sync.Mutex // guards what follows
	held    []byte
	spare   []byte        // room for what is held next
	due     bool          // what is held goes out by itself
	writing chan struct{} // closed when all that is held is out; nil: nobody writes
	dropped int           // since somebody was told
}

const (
	gatherTime = 100 * time.Millisecond
	gatherSize = 32 << 10 // bytes; a pipe holds twice as many on Linux
	mostHeld   = 1 << 20  // bytes that wait for a writer that does not go on

	writePatience = 100 * time.Millisecond // of who writes a line
	flushPatience = time.Second            // of the program's end
)

// Write writes what is held, and then line. An error drops both.
func (l *lines) Write(line []byte) (int, error) {
	wait(l.add(line, true), writePatience)
	return len(line), nil
}

// flush writes what is held.
func (l *lines) flush() { wait(l.add(nil, true), flushPatience) }

// add holds line, has all written if it is to go out now, and gives what is
// closed then; nil is nothing to wait for.
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
	case l.writing != nil || len(l.held) == 0: // whoever writes takes it along
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
	for len(l.held) > 0 {
		now := l.held
		l.held = l.spare[:0]
		l.mu.Unlock()
		_, _ = l.out.Write(now) // nobody can be told
		l.mu.Lock()
		if l.spare = now; cap(now) > 2*gatherSize {
			l.spare = nil
		}
	}
	l.writing = nil
	if l.dropped > 0 && l.lost != nil {
		go l.lost(l.dropped) // it writes a line
		l.dropped = 0
	}
}

// wait waits for done, but not for ever; nil is done.
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
// request that saves a call of the system each, which is 7 % of the processor
// time where 128 are answered at once, and the waking of whoever reads it.
type gathered struct{ *lines }

func (l gathered) Write(line []byte) (int, error) {
	l.add(line, false)
	return len(line), nil
}

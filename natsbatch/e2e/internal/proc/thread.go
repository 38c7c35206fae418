package proc

import (
	"runtime"
	"sync"
)

// Thread is one thread of the operating system. What runs on it shares what
// belongs to a thread alone, and a child dies with the thread that started it.
type Thread struct{ work chan func() }

// NewThread starts a thread, which Close ends.
func NewThread() *Thread {
	t := &Thread{make(chan func())}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		for f := range t.work {
			f()
		}
	}()
	return t
}

// Do runs f on the thread and waits for its end.
func (t *Thread) Do(f func()) {
	done := make(chan struct{})
	t.work <- func() {
		defer close(done)
		f()
	}
	<-done
}

// Close ends the thread.
func (t *Thread) Close() { close(t.work) }

// home is the thread of all children that need none of their own. It never ends.
var home = sync.OnceValue(NewThread)

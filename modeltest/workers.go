package modeltest

// workers run the tasks of Options.Go, which waits until one of them is free.
// One that is ended by its task, as runtime.Goexit does, is replaced.
type workers struct {
	tasks chan func()
	quit  chan struct{} // closed at the end of the run
}

func newWorkers(n int) *workers {
	w := &workers{make(chan func()), make(chan struct{})}
	for range n {
		go w.work()
	}
	return w
}

// run is Options.Go.
func (w *workers) run(task func()) {
	select {
	case w.tasks <- task:
	case <-w.quit:
	}
}

func (w *workers) work() {
	ended := true // by a task
	defer func() {
		if ended {
			go w.work()
		}
	}()
	for {
		select {
		case task := <-w.tasks:
			task()
		case <-w.quit:
			ended = false
			return
		}
	}
}

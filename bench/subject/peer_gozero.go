package subject

import "github.com/zeromicro/go-zero/core/executors"

var gozeroPeer = Subject{
	Name:     "go-zero",
	Kind:     Peer,
	Module:   "github.com/zeromicro/go-zero",
	Use:      "core/executors: BulkExecutor with WithBulkTasks and WithBulkInterval; requests carry a WaitGroup to wait on",
	Results:  "no: added here",
	Errors:   "no",
	Contexts: "no",
	Handlers: "one; where more are asked for, the execute function added here hands batches to that many goroutines",
	Start:    startGozero,
}

func startGozero(s Settings) Service {
	execute := func(tasks []any) {
		s.Work(len(tasks))
		for _, task := range tasks {
			task.(*call).answer()
		}
	}
	if s.Handlers > 1 {
		execute = spread(execute, s.Handlers)
	}
	b := executors.NewBulkExecutor(execute, executors.WithBulkTasks(s.MaxSize), executors.WithBulkInterval(s.Delay))
	return handed{
		add:  func(c *call) error { return b.Add(c) },
		stop: b.Wait,
	}
}

// spread runs execute on up to handlers goroutines at once; the caller waits for a free one.
func spread(execute func([]any), handlers int) func([]any) {
	free := make(chan struct{}, handlers)
	return func(tasks []any) {
		free <- struct{}{}
		go func() {
			execute(tasks)
			<-free
		}()
	}
}

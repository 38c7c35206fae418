package subject

import (
	"sync"

	"github.com/samber/lo"
)

var loPeer = Subject{
	Name:     "lo",
	Kind:     Peer,
	Module:   "github.com/samber/lo",
	Use:      "BufferWithTimeout in a loop on a channel that holds one batch; requests carry a WaitGroup to wait on",
	Results:  "no: added here",
	Errors:   "no",
	Contexts: "no",
	Handlers: "as many loops as are asked for",
	Start:    startLo,
}

func startLo(s Settings) Service {
	calls := make(chan *call, s.MaxSize)
	var loops sync.WaitGroup
	for range s.Handlers {
		loops.Go(func() { serveLo(s, calls) })
	}
	return handed{
		add: func(c *call) error {
			calls <- c
			return nil
		},
		stop: func() {
			close(calls)
			loops.Wait()
		},
	}
}

func serveLo(s Settings, calls <-chan *call) {
	for more := true; more; {
		var batch []*call
		batch, _, _, more = lo.BufferWithTimeout(calls, s.MaxSize, s.Delay)
		if len(batch) == 0 {
			continue
		}
		s.Work(len(batch))
		for _, c := range batch {
			c.answer()
		}
	}
}

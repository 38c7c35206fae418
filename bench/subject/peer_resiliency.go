package subject

import (
	"sync"

	resiliency "github.com/eapache/go-resiliency/batcher"
)

var resiliencyPeer = Subject{
	Name:     "go-resiliency",
	Kind:     Peer,
	Module:   "github.com/eapache/go-resiliency",
	Use:      "batcher: Run, in a burst one goroutine per request since Run blocks; batches of any size, there is no limit to set",
	Results:  "no: the work function writes into the request",
	Errors:   "yes, per batch",
	Contexts: "no",
	Handlers: "unbounded, cannot be set",
	Start:    startResiliency,
}

type resiliencyItem struct{ in, out int }

type resiliencyService struct{ b *resiliency.Batcher }

func startResiliency(s Settings) Service {
	return resiliencyService{resiliency.New(s.Delay, func(params []any) error {
		s.Work(len(params))
		for _, param := range params {
			item := param.(*resiliencyItem)
			item.out = item.in
		}
		return nil
	})}
}

func (s resiliencyService) Caller() func(int) (int, error) {
	item := new(resiliencyItem)
	return func(req int) (int, error) {
		item.in = req
		err := s.b.Run(item)
		return item.out, err
	}
}

func (s resiliencyService) Burst(n int) (func(int), func(int) (int, error)) {
	items := make([]resiliencyItem, n)
	errs := make([]error, n)
	var running sync.WaitGroup
	submit := func(i int) {
		items[i].in = i
		running.Go(func() { errs[i] = s.b.Run(&items[i]) })
	}
	collect := func(i int) (int, error) {
		running.Wait()
		return items[i].out, errs[i]
	}
	return submit, collect
}

func (s resiliencyService) Stop() { s.b.Shutdown(true) }

package subject

import "google.golang.org/api/support/bundler"

var bundlerPeer = Subject{
	Name:     "bundler",
	Kind:     Peer,
	Module:   "google.golang.org/api",
	Use:      "support/bundler: Add with BundleCountThreshold and DelayThreshold; requests carry a WaitGroup to wait on",
	Results:  "no: added here",
	Errors:   "no",
	Contexts: "no (only AddWait's wait for room)",
	Handlers: "HandlerLimit",
	Start:    startBundler,
}

func startBundler(s Settings) Service {
	b := bundler.NewBundler((*call)(nil), func(items any) {
		batch := items.([]*call)
		s.Work(len(batch))
		for _, c := range batch {
			c.answer()
		}
	})
	b.BundleCountThreshold = s.MaxSize
	b.DelayThreshold = s.Delay
	b.HandlerLimit = s.Handlers
	return handed{
		add:  func(c *call) error { return b.Add(c, 1) },
		stop: b.Flush,
	}
}

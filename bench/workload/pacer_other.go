//go:build !linux

package workload

import "time"

// pacer sleeps as precisely as time.Sleep does here.
type pacer struct{}

func newPacer() (*pacer, error) { return &pacer{}, nil }

func (*pacer) sleep(d time.Duration) { time.Sleep(d) }

func (*pacer) close() {}

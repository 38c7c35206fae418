package embed_test

import (
	"bytes"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Results of an envelope that were stored while the front end was away, some together
// and some by themselves, are asked for once. If each caller that waits asked for those
// that are together, a slow connection would carry nothing else.
func TestSplitResultsAreAskedForOnce(t *testing.T) {
	t.Parallel()
	s := serve(t, server.Options{StoreDir: t.TempDir()})
	way := lay(t, s.Addr(), 0)
	front, back := dial(t, "nats://"+way.Addr().String()), dial(t, s.ClientURL())
	c := bytesClient(t, front, queue)
	const requests = 100
	var handles [requests]natsbatch.Handle
	crowd(way, requests, func(i int) {
		var err error
		if handles[i], err = c.Submit(within(t), []byte{byte(i)}); err != nil {
			t.Error(err)
		}
	}).Wait()
	result := func(req []byte) []byte { return bytes.Repeat(req, 32<<10) } // 15 of them fill a message
	var callers sync.WaitGroup
	for i, h := range handles {
		callers.Go(func() {
			if res, err := c.Wait(within(t), h); err != nil || !bytes.Equal(res, result([]byte{byte(i)})) {
				t.Errorf("result %d: %d bytes, %v", i, len(res), err)
			}
		})
	}
	may := answers(t, back, queue, requests, result)
	way.set(true)
	close(may)
	settled(t, back, queue)
	var asked atomic.Int64 // for results that are together
	if _, err := back.Subscribe("$JS.API.STREAM.MSG.GET.bq_main_res", func(msg *nats.Msg) {
		if strings.Count(string(msg.Data), ".") == strings.Count("bq.main.res.test.FRONT.1", ".") {
			asked.Add(1)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := back.Flush(); err != nil {
		t.Fatal(err)
	}
	way.set(false)
	callers.Wait()
	if n := asked.Load(); n == 0 || n > requests/4 {
		t.Errorf("asked %d times", n)
	}
}

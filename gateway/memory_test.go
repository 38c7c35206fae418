package gateway_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// Tensors may be many, and what each holds of a row a byte.
func TestOIPv2TakesMemoryByTheByte(t *testing.T) {
	const tensors, rows = 1024, 2000
	for name, value := range map[string]string{"numbers": `1`, "texts": `""`} {
		data := strings.TrimSuffix(strings.Repeat(value+",", rows), ",")
		var all strings.Builder
		for i := range tensors {
			fmt.Fprintf(&all, `,{"name":"%d","shape":[%d],"datatype":"BYTES","data":[%s]}`, i, rows, data)
		}
		body := []byte(`{"inputs":[` + all.String()[1:] + `]}`)
		var call *gateway.Call
		took := allocated(func() {
			var err error
			if call, err = (gateway.OIPv2{}).Read(httptest.NewRequest(http.MethodPost, "/v2/models/m/infer", nil), body, 0); err != nil {
				t.Fatal(err)
			}
		})
		if want := strings.Repeat(value+"\x00", tensors-1) + value; len(call.Items) != rows || string(call.Items[rows-1].Data) != want {
			t.Errorf("%s: %d items", name, len(call.Items))
		}
		if each := float64(took) / float64(len(body)); each > 6 {
			t.Errorf("%s: %.1f bytes for each byte", name, each)
		}
	}
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// The index in the path of a bulk would be repeated in each of its writes.
func TestESBulkRepeatsNoLongIndex(t *testing.T) {
	for length, want := range map[int]error{512: nil, 513: gateway.ErrNotMine} {
		request := es("POST", "/"+strings.Repeat("i", length)+"/_bulk", strings.Repeat("{\"index\":{}}\n{}\n", 2))
		r := httptest.NewRequest(request.Method, request.URL, nil)
		r.Header = request.Header
		if _, err := (gateway.ESBulk{}).Read(r, []byte(request.Body), 0); err != want {
			t.Errorf("an index of %d bytes: %v, want %v", length, err, want)
		}
	}
}

// A call that waits keeps its body as it was unpacked, and not as it came.
func TestCompressedBodiesAreNotKept(t *testing.T) {
	const size = 3 << 18
	h := newHandler(t, gateway.Route{Protocol: gateway.NewKServeV1(), Upstream: &upper{}, Delay: time.Minute}, gateway.Options{})
	text := make([]byte, size/4*3)
	_, _ = rand.NewChaCha8([32]byte{}).Read(text)
	packed := zipped(`{"instances":["` + base64.StdEncoding.EncodeToString(text) + `"]}`)
	ctx, leave := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/models/m:predict", packed)
	r.Header.Set("Content-Encoding", "gzip")
	before := heapSize()
	done := make(chan struct{})
	go func() {
		defer close(done)
		serve(h, r)
	}()
	until(t, func() bool { return h.Stats()["/"].Pending == 1 })
	if now := heapSize(); now > before+size*3/2 {
		t.Errorf("%d bytes are held for %d", now-before, size)
	}
	runtime.KeepAlive(packed) // it counts before and now
	leave()
	<-done
}

// A body of unknown length takes room for the memory that was taken for it, whether
// it waits in a batch or to be passed through.
func TestRoomIsThatOfMemory(t *testing.T) {
	for _, c := range []struct {
		route  gateway.Route
		status int
		part   string
	}{
		{gateway.Route{Upstream: &upper{}, Delay: time.Second}, 200, "AAA"},
		{gateway.Route{Protocol: nothing{}, Upstream: &slowly{}}, 202, "aaa"},
	} {
		synctest.Test(t, func(t *testing.T) {
			c.route.MaxBody, c.route.MaxPendingBytes = 1500, 1500
			h := newHandler(t, c.route, gateway.Options{})
			done := make(chan struct{})
			go func() {
				defer close(done)
				unknown := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("a", 600)))
				unknown.ContentLength = -1
				wantAnswer(t, serve(h, unknown), c.status, c.part)
			}()
			synctest.Wait()
			wantAnswer(t, post(h, strings.Repeat("a", 600)), 429, "too many bytes") // 1,024 are taken
			<-done
			wantAnswer(t, post(h, strings.Repeat("a", 600)), c.status, c.part)
		})
	}
}

// A stream of HTTP/2 keeps a buffer until its body is closed, which must not wait
// for the answer.
func TestBodiesAreClosedOnceRead(t *testing.T) {
	body := &closes{Reader: strings.NewReader("a")}
	u := &upper{send: func(_ context.Context, _ gateway.Key, joined []byte) (gateway.Answer, error) {
		if !body.closed {
			t.Error("the body is open while its call waits")
		}
		return shout(joined), nil
	}}
	wantAnswer(t, serve(newHandler(t, gateway.Route{Upstream: u}, gateway.Options{}), httptest.NewRequest(http.MethodPost, "/", body)), 200, "A")
}

// closes notes whether it was closed.
type closes struct {
	io.Reader
	closed bool
}

func (c *closes) Close() error {
	c.closed = true
	return nil
}

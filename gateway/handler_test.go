package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// passing is an upstream that passes requests through.
type passing struct{ upper }

func (*passing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, "passed "+r.Method+" "+r.URL.String()+" "+string(body))
}

// A request whose meaning depends on a header that a batch would lose is no call,
// unless the route names that header.
func TestDecisiveHeadersAreNotLost(t *testing.T) {
	for _, name := range []string{"If-Match", "If-None-Match", "If-Unmodified-Since", "Content-Range", "ce-specversion", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
		request := func() *http.Request {
			r := httptest.NewRequest(http.MethodPost, "/words", strings.NewReader("a"))
			r.Header.Set(name, "x")
			return r
		}
		wantAnswer(t, serve(newHandler(t, gateway.Route{Upstream: &passing{}}, gateway.Options{}), request()), 202, "passed POST /words a")
		wantAnswer(t, serve(newHandler(t, gateway.Route{Upstream: &upper{}}, gateway.Options{}), request()), 404, "")
		u := &upper{}
		wantAnswer(t, serve(newHandler(t, gateway.Route{Upstream: u, Headers: []string{name}}, gateway.Options{}), request()), 200, "A")
		if u.keys[0].Header().Get(name) != "x" {
			t.Errorf("%s did not reach the upstream: %+v", name, u.keys[0])
		}
	}
}

func TestWhatIsNoCallIsPassedThrough(t *testing.T) {
	fallback := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "fallback", http.StatusGone) })
	h := newHandler(t, gateway.Route{Pattern: "/words", Upstream: &passing{}}, gateway.Options{Fallback: fallback})
	wantAnswer(t, serve(h, httptest.NewRequest(http.MethodGet, "/words?q", nil)), 202, "passed GET /words?q ")
	wantAnswer(t, post(h, ""), 202, "passed POST /words ")
	upgrade := httptest.NewRequest(http.MethodPost, "/words", strings.NewReader("a"))
	upgrade.Header = http.Header{"Connection": {"keep-alive, Upgrade"}, "Upgrade": {"x"}}
	wantAnswer(t, serve(h, upgrade), 202, "passed POST /words a")
	offer := httptest.NewRequest(http.MethodPost, "/words", strings.NewReader("a"))
	offer.Header = http.Header{"Connection": {"Upgrade, HTTP2-Settings"}, "Upgrade": {"h2c"}, "Http2-Settings": {"AAMAAABkAAQCAAAAAAIAAAAA"}}
	wantAnswer(t, serve(h, offer), 200, "A")
	for _, target := range []string{"/else", "//words", "/x/../words", "/words/"} {
		wantAnswer(t, serve(h, httptest.NewRequest(http.MethodPost, target, nil)), 410, "fallback")
	}
}

func TestWhatIsNoCallIsRefused(t *testing.T) {
	h := newHandler(t, gateway.Route{Pattern: "/words", Upstream: &passing{}, Refuse: true}, gateway.Options{})
	wantAnswer(t, serve(h, httptest.NewRequest(http.MethodGet, "/words", nil)), 404, "nothing here")
	wantAnswer(t, post(h, ""), 404, "nothing here")
	wantAnswer(t, serve(h, httptest.NewRequest(http.MethodPost, "/else", nil)), 404, "nothing here")
}

func TestMostSpecificPatternWins(t *testing.T) {
	var general, special upper
	h, err := gateway.New([]gateway.Route{
		{Name: "general", Pattern: "/", Protocol: words{}, Upstream: &general},
		{Pattern: "POST /words", Protocol: words{}, Upstream: &special},
	}, gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, post(h, "a"), 200, "A")
	wantAnswer(t, serve(h, httptest.NewRequest(http.MethodPost, "/x", strings.NewReader("b,c"))), 200, "B,C")
	if stats := h.Stats(); stats["general"].Succeeded != 2 || stats["POST /words"].Succeeded != 1 {
		t.Errorf("stats %+v", stats)
	}
}

func TestShutdownAnswersWhoIsInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upper{}
		h := newHandler(t, gateway.Route{Upstream: u, Delay: time.Second}, gateway.Options{})
		go func() { wantAnswer(t, post(h, "a"), 200, "A") }()
		synctest.Wait()
		done := make(chan error, 2)
		for range 2 {
			go func() { done <- h.Shutdown(context.Background()) }()
		}
		synctest.Wait()
		got := post(h, "b")
		wantAnswer(t, got, 503, "shutting down")
		if got.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if u.closed != 1 {
			t.Errorf("the upstream was closed %d times", u.closed)
		}
	})
}

// Who comes too late is told so in the form of the protocol, if it is a call.
func TestShutdownIsExplained(t *testing.T) {
	for _, c := range []struct {
		protocol   gateway.Protocol
		path, want string
	}{
		{gateway.NewKServeV1(), "/v1/models/m:predict", `{"error":"the gateway is shutting down"}`},
		{gateway.OIPv2{}, "/v2/models/m/infer", `{"error":"the gateway is shutting down"}`},
		{gateway.JSONRPC{}, "/", `{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"the gateway is shutting down","data":{"status":503}}}`},
		{gateway.NewKServeV1(), "/v1/models/m", `{"error":{"type":"gateway","message":"the gateway is shutting down"`},
	} {
		h := newHandler(t, gateway.Route{Protocol: c.protocol, Upstream: &upper{}}, gateway.Options{})
		if err := h.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := serve(h, httptest.NewRequest(http.MethodPost, c.path, strings.NewReader("{}")))
		wantAnswer(t, got, 503, c.want)
		if head := got.Header(); head.Get("Retry-After") == "" || head.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v", c.path, head)
		}
	}
}

func TestShutdownOutOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upper{send: func(ctx context.Context, _ gateway.Key, _ []byte) (gateway.Answer, error) {
			<-ctx.Done()
			return gateway.Answer{}, ctx.Err()
		}}
		h := newHandler(t, gateway.Route{Upstream: u}, gateway.Options{})
		var all sync.WaitGroup
		for _, body := range []string{"sent", "waits"} {
			all.Go(func() { wantAnswer(t, post(h, body), 503, "shutting down") })
			synctest.Wait()
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errTest)
		defer cancel()
		if err := h.Shutdown(ctx); !errors.Is(err, errTest) {
			t.Errorf("Shutdown: %v", err)
		}
		all.Wait()
		if u.closed != 1 {
			t.Errorf("the upstream was closed %d times", u.closed)
		}
	})
}

// apart is an upstream that cannot be compared with another.
type apart struct {
	*upper
	_ []int
}

func TestShutdownClosesUpstreamsOnce(t *testing.T) {
	shared, first, second := &upper{}, &upper{}, &upper{}
	var routes []gateway.Route
	for pattern, u := range map[string]gateway.Upstream{"/a": shared, "/b": shared, "/c": apart{upper: first}, "/d": apart{upper: second}} {
		routes = append(routes, gateway.Route{Pattern: pattern, Protocol: words{}, Upstream: u})
	}
	h, err := gateway.New(routes, gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	for name, u := range map[string]*upper{"shared": shared, "first": first, "second": second} {
		if u.closed != 1 {
			t.Errorf("%s was closed %d times", name, u.closed)
		}
	}
}

// stuck is an upstream that closes only when it is told to.
type stuck struct {
	upper
	release chan struct{}
}

func (s *stuck) Close() error {
	<-s.release
	return errors.ErrUnsupported
}

func TestShutdownDoesNotWaitLongForUpstreamsThatDoNotClose(t *testing.T) {
	for _, c := range []struct{ limit, want time.Duration }{{time.Minute, time.Minute}, {time.Second, 2 * time.Second}, {0, 2 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			first, second := &stuck{release: make(chan struct{})}, &stuck{release: make(chan struct{})}
			h, err := gateway.New([]gateway.Route{
				{Name: "first", Pattern: "/first", Protocol: words{}, Upstream: first},
				{Name: "second", Pattern: "/second", Protocol: words{}, Upstream: second},
			}, gateway.Options{})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeoutCause(t.Context(), c.limit, errTest)
			defer cancel()
			start := time.Now()
			if err := h.Shutdown(ctx); !errors.Is(err, errTest) || !strings.Contains(err.Error(), "an upstream does not close") {
				t.Errorf("Shutdown: %v", err)
			}
			if took := time.Since(start); took != c.want {
				t.Errorf("with %v left it took %v, want %v", c.limit, took, c.want)
			}
			close(first.release)
			close(second.release)
		})
	}
}

// One that closes in the end is waited for, though no time is left: what it has
// started would be left behind.
func TestShutdownOutOfTimeLetsUpstreamsClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &stuck{release: make(chan struct{})}
		h := newHandler(t, gateway.Route{Upstream: u}, gateway.Options{})
		time.AfterFunc(1500*time.Millisecond, func() { close(u.release) })
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := h.Shutdown(ended); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Shutdown: %v, want the error of Close", err)
		}
	})
}

// What is passed through counts, though no batch is cut off.
func TestShutdownTellsOfWhoIsStillInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leave := make(chan struct{})
		slow := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-leave })
		h := newHandler(t, gateway.Route{Pattern: "/words", Upstream: &upper{}}, gateway.Options{Fallback: slow})
		go serve(h, httptest.NewRequest(http.MethodGet, "/else", nil))
		synctest.Wait()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errTest)
		defer cancel()
		for range 2 {
			if err := h.Shutdown(ctx); err == nil || err.Error() != errTest.Error() {
				t.Errorf("Shutdown: %v", err)
			}
		}
		close(leave)
		synctest.Wait()
		if err := h.Shutdown(ctx); err != nil {
			t.Errorf("when all have left: %v", err)
		}
	})
}

func TestSwapRefusesNobody(t *testing.T) {
	swap := gateway.NewSwap(newHandler(t, gateway.Route{Upstream: &upper{}}, gateway.Options{}))
	over := make(chan struct{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
					wantAnswer(t, post(swap, "a,b"), 200, "A,B")
				}
			}
		})
	}
	for range 100 {
		next := newHandler(t, gateway.Route{Upstream: &upper{}}, gateway.Options{})
		if err := swap.Replace(next).Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if swap.Handler() != next {
			t.Error("another serves")
		}
	}
	close(over)
	all.Wait()
	if err := swap.Handler().Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	wantAnswer(t, post(swap, "a"), 503, "shutting down")
}

// A request that the old Handler no longer lets in goes to the new one.
func TestSwapTakesWhoComesTooLate(t *testing.T) {
	old := newHandler(t, gateway.Route{Upstream: &upper{}}, gateway.Options{})
	swap := gateway.NewSwap(old)
	var all sync.WaitGroup
	old.DrainAfter(func() {
		for range 20 {
			all.Go(func() { wantAnswer(t, post(swap, "a"), 200, "A") })
		}
		time.Sleep(20 * time.Millisecond) // most are at the door by then
		swap.Replace(newHandler(t, gateway.Route{Upstream: &upper{}}, gateway.Options{}))
	})
	all.Wait()
}

func TestNewChecksItsRoutes(t *testing.T) {
	good := gateway.Route{Pattern: "/a", Protocol: words{}, Upstream: &upper{}}
	if _, err := gateway.New([]gateway.Route{good, {Pattern: "/b"}}, gateway.Options{}); err == nil {
		t.Error("a route without a protocol: no error")
	}
	odd := good
	odd.Pattern = "/{"
	for _, bad := range []gateway.Route{good, odd} {
		_, err := gateway.New([]gateway.Route{good, bad}, gateway.Options{})
		var field *gateway.FieldError
		if !errors.As(err, &field) || field.Field != "Pattern" || field.Route != bad.Pattern {
			t.Errorf("pattern %q: %v", bad.Pattern, err)
		}
	}
	const want = `gateway: route "/a": Pattern "/a" conflicts with pattern "/a":`
	if _, err := gateway.New([]gateway.Route{good, good}, gateway.Options{}); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("the same pattern twice: %v, want %s", err, want)
	}
}

// A KServeV1 that is no more than a literal would pass every call through.
func TestAKServeV1IsMade(t *testing.T) {
	for _, p := range []*gateway.KServeV1{nil, {}} {
		_, err := gateway.New([]gateway.Route{{Pattern: "/a", Protocol: p, Upstream: &upper{}}}, gateway.Options{})
		var field *gateway.FieldError
		if !errors.As(err, &field) || field.Field != "Protocol" || !strings.Contains(err.Error(), "NewKServeV1") {
			t.Errorf("%#v: %v", p, err)
		}
	}
}

// What is passed through is untouched by the gateway: streams both ways, and
// connections that change their protocol.
func TestPassThroughStreamsAndUpgrades(t *testing.T) {
	stub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			_ = http.NewResponseController(w).EnableFullDuplex()
			in := bufio.NewScanner(r.Body)
			for in.Scan() {
				_, _ = io.WriteString(w, strings.ToUpper(in.Text())+"\n")
				_ = http.NewResponseController(w).Flush()
			}
			return
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		line, _ := rw.ReadString('\n')
		_, _ = io.WriteString(conn, "echo "+line)
	}))
	defer stub.Close()
	u, err := gateway.NewHTTP(stub.URL, gateway.HTTPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var statuses []int
	var mu sync.Mutex
	front := httptest.NewServer(newHandler(t, gateway.Route{Upstream: u}, gateway.Options{Observer: gateway.Observer{Served: func(_ *http.Request, s gateway.Served) {
		mu.Lock()
		defer mu.Unlock()
		statuses = append(statuses, s.Status)
	}}}))
	defer front.Close()

	to, from := io.Pipe()
	req, _ := http.NewRequest(http.MethodPatch, front.URL, to)
	answered := make(chan *http.Response)
	go func() {
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
		}
		answered <- res
	}()
	_, _ = io.WriteString(from, "one\n")
	res := <-answered
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	for _, word := range []string{"ONE\n", "TWO\n"} {
		if line, err := lines.ReadString('\n'); line != word {
			t.Errorf("got %q, %v; want %q", line, err, word)
		}
		_, _ = io.WriteString(from, "two\n")
	}
	from.Close()

	conn, err := net.Dial("tcp", strings.TrimPrefix(front.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	in := bufio.NewReader(conn)
	if res, err := http.ReadResponse(in, nil); err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %v, %v", res, err)
	}
	_, _ = io.WriteString(conn, "hello\n")
	if said, err := io.ReadAll(in); string(said) != "echo hello\n" {
		t.Errorf("got %q, %v", said, err)
	}
	conn.Close()
	until(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(statuses) == 2
	})
	if slices.Sort(statuses); !slices.Equal(statuses, []int{101, 200}) {
		t.Errorf("statuses %v", statuses)
	}
}

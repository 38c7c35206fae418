//go:build unix

package main_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// waiting makes a request that the upstream holds.
func (g *gate) waiting(u *upstream, n int) <-chan reply {
	g.t.Helper()
	u.hold()
	before := len(u.calls())
	answer := make(chan reply, 1)
	go func() { answer <- g.predict(n) }()
	until(g.t, "the upstream is asked", func() bool { return len(u.calls()) > before })
	return answer
}

func TestServeDrains(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		u := startUpstream(t)
		g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1")
		answer := g.waiting(u, 1)
		g.signal(sig)
		g.hears("msg=draining")
		if status, body := get(t, g.admin+"/readyz"); status != http.StatusServiceUnavailable || body != "draining\n" {
			t.Errorf("/readyz gives %d %q", status, body)
		}
		g.drains(u, g.predict(2), answer)
	}
}

// drains expects that late, who came while g drained, was told so, and that
// request 1, which u holds, is answered before g ends.
func (g *gate) drains(u *upstream, late reply, answer <-chan reply) {
	g.t.Helper()
	if late.status != http.StatusServiceUnavailable || late.header.Get("Retry-After") == "" {
		g.t.Errorf("who comes while it drains gets %+v, want 503 with Retry-After", late)
	}
	u.release()
	r := <-answer
	r.want(g.t, 1)
	g.end(0)
	g.hears("msg=ended clean=true")
}

// Until the drain delay is over requests are served as before, for those who
// have not heard of the end yet; the answers tell them to come no more on this
// connection.
func TestServeDrainDelay(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--drain-delay=1h")
	g.predict(1).want(t, 1)
	g.signal(syscall.SIGTERM)
	g.hears(`msg="not ready any more" why="interrupted \(SIGTERM\)" drain-delay=1h0m0s`)
	if status, body := get(t, g.admin+"/readyz"); status != http.StatusServiceUnavailable || body != "draining\n" {
		t.Errorf("/readyz gives %d %q", status, body)
	}
	if status, _ := get(t, g.admin+"/healthz"); status != http.StatusOK {
		t.Errorf("/healthz gives %d", status)
	}
	client := cleartext(t)
	for n := range 3 {
		g.predict(n).want(t, n)
		g.predictBy(t.Context(), client, n).want(t, n)
	}
	res, err := http.Get(g.url + "/x")
	if err != nil || !res.Close {
		t.Errorf("got %+v, %v, want an answer that closes its connection", res, err)
	}
	g.signal(syscall.SIGTERM)
	<-g.ended
	g.hears("msg=draining")
}

// That holds for who came before the end too, and for answers that others announce;
// what has changed its protocol is no such answer.
func TestServeAnswersOfTheEndCloseTheirConnections(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/held":
			close(asked)
			<-release
		case "/hints":
			w.Header().Set("Link", "</a>")
			w.WriteHeader(http.StatusEarlyHints)
		case "/upgrade":
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "own")
			w.WriteHeader(http.StatusSwitchingProtocols)
		}
	}))
	t.Cleanup(up.Close)
	g := startGate(t, "--upstream", up.URL, "--protocol", "kserve-v1", "--drain-delay=1h")
	ask := func(path, more string) *bufio.Reader {
		conn := g.dial()
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", path, more)
		return bufio.NewReader(conn)
	}
	held := ask("/held", "")
	<-asked
	g.signal(syscall.SIGTERM)
	g.hears("not ready any more")
	close(release)
	hints := ask("/hints", "")
	if res, err := http.ReadResponse(hints, nil); err != nil || res.StatusCode != http.StatusEarlyHints || res.Close {
		t.Errorf("first it gets %+v, %v, want 103", res, err)
	}
	for path, answer := range map[string]*bufio.Reader{"/held": held, "/hints": hints} {
		if res, err := http.ReadResponse(answer, nil); err != nil || res.StatusCode != http.StatusOK || !res.Close {
			t.Errorf("%s gets %+v, %v, want an answer that closes its connection", path, res, err)
		}
	}
	res, err := http.ReadResponse(ask("/upgrade", "Connection: Upgrade\r\nUpgrade: own\r\n"), nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols || len(res.Header["Connection"]) != 1 {
		t.Errorf("an upgrade gets %+v, %v", res, err)
	}
}

func TestServeDrainDelayEnds(t *testing.T) {
	g := startGate(t, "--upstream", "http://127.0.0.1:1", "--protocol", "kserve-v1", "--drain-delay=200ms")
	start := time.Now()
	g.signal(syscall.SIGTERM)
	g.end(0)
	if took := time.Since(start); took < 200*time.Millisecond {
		t.Errorf("it ended after %v", took)
	}
	g.hears("msg=draining")
}

// Who has connected before the port is closed is answered, though the request comes
// later; for who has not, the port is closed.
func TestServeAnswersWhoHasConnectedBeforeTheEnd(t *testing.T) {
	g := startGate(t, "--upstream", "http://127.0.0.1:1", "--protocol", "kserve-v1", "--grace=1h")
	conns := []net.Conn{g.dial(), g.dial()}
	fmt.Fprint(conns[1], "GET /x HTTP/1.1\r\n")
	get(t, g.url+"/x") // so both are accepted
	g.signal(syscall.SIGTERM)
	until(t, "the port is closed", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	fmt.Fprint(conns[0], "GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
	fmt.Fprint(conns[1], "Host: x\r\n\r\n")
	for _, conn := range conns {
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || res.StatusCode != http.StatusServiceUnavailable || !res.Close {
			t.Errorf("got %+v, %v, want 503 that closes the connection", res, err)
		}
	}
	g.end(0)
}

func TestServeGracePeriodEnds(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--grace", "50ms")
	answer := g.waiting(u, 1)
	g.signal(syscall.SIGTERM)
	if r := <-answer; r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
		t.Errorf("got %+v, want 503 with Retry-After", r)
	}
	g.end(1)
	g.hears("requests were cut off: the grace period is over")
}

// A stream that outlasts the grace period is cut off, and that is told.
func TestServeGraceEndsForStreams(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(up.Close)
	g := startGate(t, "--upstream", up.URL, "--protocol", "kserve-v1", "--grace", "50ms")
	res, err := http.Get(g.url + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	g.signal(syscall.SIGTERM)
	g.end(1)
	g.hears("requests were cut off: the grace period is over")
	g.hears("msg=ended clean=false")
}

func TestServeSecondSignalEndsAtOnce(t *testing.T) {
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--grace", "1h")
	answer := g.waiting(u, 1)
	g.signal(syscall.SIGTERM)
	g.hears("msg=draining")
	g.signal(syscall.SIGTERM)
	g.end(1)
	<-answer
	g.hears("requests were cut off: a second signal")
}

func TestServeIdleEnds(t *testing.T) {
	g := startGate(t, "--upstream", "http://127.0.0.1:1", "--protocol", "kserve-v1")
	g.signal(syscall.SIGTERM)
	g.end(0)
}

// Nobody reads the log, and nobody waits for that: neither callers nor the end.
func TestServeWhoseLogNobodyReads(t *testing.T) {
	u := startUpstream(t)
	log, stderr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(built, "serve", "--listen=127.0.0.1:0", "--admin-listen=off", "--upstream", u.URL, "--protocol=kserve-v1", "--grace=1h")
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	defer time.AfterFunc(patience, func() { cmd.Process.Kill() }).Stop() // else callers would wait for ever
	stderr.Close()
	line, err := bufio.NewReader(log).ReadString('\n')
	found := regexp.MustCompile(`address=(\S+)`).FindStringSubmatch(line)
	if found == nil {
		t.Fatalf("it said %q, %v", line, err)
	}
	g := &gate{t: t, cmd: cmd, url: "http://" + found[1]}
	for n := range 2000 { // far more lines than a pipe holds
		g.predict(n).want(t, n)
	}
	u.hold()
	go g.predict(1)
	until(t, "the upstream is asked", func() bool { return len(u.calls()) > 2000 })
	g.signal(syscall.SIGTERM)
	time.Sleep(500 * time.Millisecond)
	g.signal(syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait() // its error is the exit status
	}()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Fatal("serve does not end")
	}
	if got := cmd.ProcessState.ExitCode(); got != 1 {
		t.Errorf("status %d, want 1", got)
	}
}

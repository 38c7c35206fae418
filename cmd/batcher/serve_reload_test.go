//go:build unix

package main_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// configuration is one route to url, with a limit.
func configuration(url string, maxItems int) string {
	return fmt.Sprintf("upstream: %s\nroutes:\n  - {name: sum, protocol: kserve-v1, max-items: %d}\n", url, maxItems)
}

const reloaded = `batcher_config_reloads_total{ok="true"}`

func TestServeReloadsWithoutLosingARequest(t *testing.T) {
	u := startUpstream(t)
	name := file(t, "batcher.yaml", configuration(u.URL, 1))
	g := startGate(t, "--config", name, "--log-access=false")
	stop := g.load(8)
	for i := range 10 {
		writeFile(t, name, configuration(u.URL, 2+i))
		g.signal(syscall.SIGHUP)
		until(t, "the reload is counted", func() bool { return g.metric(reloaded) > float64(i) })
	}
	stop()
	g.signal(syscall.SIGTERM)
	g.end(0)
}

// Those who came before a reload are answered by what they came to.
func TestServeReloadKeepsWhoWaits(t *testing.T) {
	old, next := startUpstream(t), startUpstream(t)
	name := file(t, "batcher.yaml", configuration(old.URL, 10))
	g := startGate(t, "--config", name)
	answer := g.waiting(old, 1)
	replaceFile(t, name, configuration(next.URL, 10)) // and no signal
	g.counts(reloaded, 1)
	g.predict(2).want(t, 2)
	g.counts(`batcher_items_pending{route="sum"}`, 1)
	g.counts(`batcher_batches_running{route="sum"}`, 1)
	old.release()
	g.counts(`batcher_items_pending{route="sum"}`, 0)
	r := <-answer
	r.want(t, 1)
	if !slices.Equal(old.calls(), []int{1}) || !slices.Equal(next.calls(), []int{1}) {
		t.Errorf("the old upstream got %v, the new one %v, want one call each", old.calls(), next.calls())
	}
}

// Nor does the grace period, which is for the end, cut them off.
func TestServeReloadWaitsLongerThanTheGracePeriod(t *testing.T) {
	u := startUpstream(t)
	name := file(t, "batcher.yaml", configuration(u.URL, 10)+"grace: 1ms\n")
	g := startGate(t, "--config", name)
	answer := g.waiting(u, 1)
	replaceFile(t, name, configuration(u.URL, 9)+"grace: 1ms\n")
	g.counts(reloaded, 1)
	time.Sleep(100 * time.Millisecond) // far longer than the grace period
	u.release()
	r := <-answer
	r.want(t, 1)
	u.hold()
	answer = g.waiting(u, 2)
	replaceFile(t, name, configuration(u.URL, 8)+"grace: 1ms\n")
	g.counts(reloaded, 2)
	g.signal(syscall.SIGTERM) // which does
	g.hears("msg=ended")
	u.release()
	<-answer
}

// What changed its protocol before a reload, and may last longer than any request
// that waits, has the grace period at the end.
func TestServeReloadKeepsUpgradesUntilTheEnd(t *testing.T) {
	end := make(chan struct{})
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: own\r\n\r\n")
		<-end
		io.WriteString(conn, "the end")
	}))
	t.Cleanup(up.Close)
	name := file(t, "batcher.yaml", "grace: 1ms\n"+strings.Replace(configuration(up.URL, 10), "max-items", "timeout: 1ms, max-items", 1))
	g := startGate(t, "--config", name)
	conn := g.dial()
	io.WriteString(conn, "GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: own\r\n\r\n")
	in := bufio.NewReader(conn)
	if res, err := http.ReadResponse(in, nil); err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %+v, %v", res, err)
	}
	replaceFile(t, name, "grace: 1h\n"+configuration(up.URL, 9))
	g.counts(reloaded, 1)
	g.hears("not all requests from before the reload were done in time")
	g.signal(syscall.SIGTERM)
	g.hears("msg=draining")
	time.Sleep(200 * time.Millisecond) // it must not end meanwhile
	close(end)
	if got, err := io.ReadAll(in); err != nil || string(got) != "the end" {
		t.Errorf("got %q, %v", got, err)
	}
	g.end(0)
}

func TestServeReloadOfAWrongFile(t *testing.T) {
	u := startUpstream(t)
	name := file(t, "batcher.yaml", configuration(u.URL, 10))
	g := startGate(t, "--config", name)
	replaceFile(t, name, "upstrea: x\n")
	g.counts(`batcher_config_reloads_total{ok="false"}`, 1)
	g.hears(`level=ERROR msg="the configuration is not taken over; the one before stays" err="\S+batcher.yaml:1:1: no such key: upstrea;`)
	g.predict(1).want(t, 1)
	replaceFile(t, name, configuration(u.URL, 9))
	g.counts(reloaded, 1)
	g.predict(2).want(t, 2)
}

// A file that a new configuration names, and that is wrong, may be put right later.
func TestServeReloadOfAFileThatComesLater(t *testing.T) {
	u := startUpstream(t)
	name, tokens := file(t, "batcher.yaml", configuration(u.URL, 10)), t.TempDir()+"/tokens"
	g := startGate(t, "--config", name)
	replaceFile(t, name, configuration(u.URL, 10)+"tokens: "+tokens+"\n")
	g.counts(`batcher_config_reloads_total{ok="false"}`, 1)
	g.predict(1).want(t, 1)
	writeFile(t, tokens, "# none yet\n")
	g.counts(`batcher_config_reloads_total{ok="false"}`, 2)
	replaceFile(t, tokens, "one\n")
	g.counts(reloaded, 1)
	if r := g.predict(1); r.status != http.StatusUnauthorized {
		t.Errorf("without a token: %+v, want 401", r)
	}
	if r := g.ask(http.MethodGet, "/x", "", "Authorization", "Bearer one"); r.status != http.StatusOK {
		t.Errorf("with the token: %+v", r)
	}
}

// What a pipe held is kept, so that nothing has to wait for who writes to it again.
func TestServeReloadsWithATokenFromAPipe(t *testing.T) {
	u, fifo := startUpstream(t), makeFIFO(t)
	g := newGate(t, "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--upstream", u.URL, "--protocol=kserve-v1", "--tokens", fifo)
	writeFile(t, fifo, "one\n")
	g.serves()
	g.signal(syscall.SIGHUP)
	g.counts(reloaded, 1)
	if r := g.ask(http.MethodGet, "/x", "", "Authorization", "Bearer one"); r.status != http.StatusOK {
		t.Errorf("got %+v", r)
	}
	g.signal(syscall.SIGTERM)
	g.end(0)
}

// A change just after a file has been read for the first time counts.
func TestServeReloadOfAFileThatChangesAtTheStart(t *testing.T) {
	u, fifo, tokens := startUpstream(t), makeFIFO(t), file(t, "tokens", "one\n")
	g := newGate(t, "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--upstream", u.URL, "--protocol=kserve-v1", "--tokens", tokens, "--upstream-token", fifo)
	own, err := os.OpenFile(fifo, os.O_WRONLY, 0) // waits until it is read, after the tokens
	if err != nil {
		t.Fatal(err)
	}
	replaceFile(t, tokens, "two\n")
	fmt.Fprintln(own, "own")
	own.Close()
	g.serves()
	until(t, "the new token counts", func() bool {
		return g.ask(http.MethodGet, "/x", "", "Authorization", "Bearer two").status == http.StatusOK
	})
	g.signal(syscall.SIGTERM)
	g.end(0)
}

// A pipe holds a configuration only once. That counts on when the files that it
// names are read again.
func TestServeReloadsFilesThatAPipeNames(t *testing.T) {
	u, fifo, tokens := startUpstream(t), makeFIFO(t), file(t, "tokens", "one\n")
	g := newGate(t, "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--config", fifo, "--tokens", tokens)
	writeFile(t, fifo, configuration(u.URL, 10))
	g.serves()
	replaceFile(t, tokens, "two\n")
	g.counts(reloaded, 1)
	if r := g.ask(http.MethodGet, "/x", "", "Authorization", "Bearer two"); r.status != http.StatusOK {
		t.Errorf("the new token gets %+v", r)
	}
	g.signal(syscall.SIGHUP)
	g.counts(reloaded, 2)
	g.signal(syscall.SIGTERM)
	g.end(0)
}

// What cannot change without a restart is said, and the rest changes.
func TestServeReloadSaysWhatNeedsARestart(t *testing.T) {
	u := startUpstream(t)
	name := file(t, "batcher.yaml", configuration(u.URL, 10))
	g := startGate(t, "--config", name)
	replaceFile(t, name, configuration(u.URL, 10)+"limits: {idle: 1m}\ntracing: {ratio: 0.5}\n")
	for _, key := range []string{"limits", "tracing"} {
		g.hears(`msg="a change needs a restart" key=` + key)
	}
	g.predict(1).want(t, 1)
}

func TestServeReloadsTokens(t *testing.T) {
	u := startUpstream(t)
	tokens := file(t, "tokens", "# of the web shop\none\n")
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--tokens", tokens)
	ask := func(authorization string) int {
		req, err := http.NewRequest(http.MethodGet, g.url+"/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		return do(http.DefaultClient, req).status
	}
	for authorization, want := range map[string]int{"": 401, "one": 401, "Bearer two": 401, "Bearer one": 200, "Bearer # of the web shop": 401} {
		if got := ask(authorization); got != want {
			t.Errorf("%q gets %d, want %d", authorization, got, want)
		}
	}
	replaceFile(t, tokens, "two\n")
	until(t, "the new token counts", func() bool { return ask("Bearer two") == 200 })
	if got := ask("Bearer one"); got != 401 {
		t.Errorf("the old token gets %d, want 401", got)
	}
}

// The grace period may change with the rest.
func TestServeReloadsTheGracePeriod(t *testing.T) {
	u := startUpstream(t)
	name := file(t, "batcher.yaml", configuration(u.URL, 10)+"grace: 1h\n")
	g := startGate(t, "--config", name)
	replaceFile(t, name, configuration(u.URL, 10)+"grace: 50ms\n")
	g.counts(reloaded, 1)
	answer := g.waiting(u, 1)
	g.signal(syscall.SIGTERM)
	g.end(1)
	<-answer
}

// The upstream is shown the gateway's own token, the new one when it changes.
func TestServeShowsItsOwnToken(t *testing.T) {
	u := startUpstream(t)
	token := file(t, "token", "one\n")
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--upstream-token", token)
	shown := func() string {
		g.predict(1).want(t, 1)
		u.mu.Lock()
		defer u.mu.Unlock()
		return u.headers[len(u.headers)-1].Get("Authorization")
	}
	if got := shown(); got != "Bearer one" {
		t.Errorf("the upstream was shown %q", got)
	}
	replaceFile(t, token, "two")
	until(t, "the new token is shown", func() bool { return shown() == "Bearer two" })
}

// A route that a reload brings is reported before its first request, as others are.
func TestServeReportsRoutesFromTheStart(t *testing.T) {
	u := startUpstream(t)
	text := configuration(u.URL, 1)
	name := file(t, "batcher.yaml", text)
	g := startGate(t, "--config", name)
	if _, body := get(t, g.admin+"/metrics"); !strings.Contains(body, `batcher_requests_total{code="502",passed="false",route="sum"} 0`) {
		t.Error("route sum is not reported")
	}
	replaceFile(t, name, strings.Replace(text, "sum", "total", 1))
	g.hears("the configuration is taken over")
	if _, body := get(t, g.admin+"/metrics"); !strings.Contains(body, `batcher_requests_total{code="502",passed="false",route="total"} 0`) {
		t.Error("route total is not reported")
	}
}

// A named pipe in place of a file is neither read nor waited for, and the file may
// come back.
func TestServeReloadFindsAPipe(t *testing.T) {
	tokens := file(t, "tokens", "one\n")
	name := file(t, "batcher.yaml", configuration("http://127.0.0.1:1", 10)+"tokens: "+tokens+"\n")
	g := startGate(t, "--config", name)
	for _, name := range []string{tokens, name} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		before := g.metric(reloaded)
		if err := os.Rename(makeFIFO(t), name); err != nil {
			t.Fatal(err)
		}
		g.hears("the configuration is not taken over.*open " + name + ": not a regular file")
		replaceFile(t, name, string(text))
		g.counts(reloaded, before+1)
	}
	g.signal(syscall.SIGTERM)
	g.end(0)
}

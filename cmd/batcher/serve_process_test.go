//go:build unix

package main_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen: long enough for a
// machine that does much else.
const patience = 30 * time.Second

// until waits for ok to be true.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came that %s", what)
		}
	}
}

// gate is the built program while it serves.
type gate struct {
	t     *testing.T
	cmd   *exec.Cmd
	url   string // of the service port
	admin string // of the admin port
	ended chan struct{}

	mu    sync.Mutex
	lines []string // of standard error; guarded by mu
}

// startGate runs serve on free ports, with these further arguments, and waits
// until it serves.
func startGate(t *testing.T, args ...string) *gate {
	t.Helper()
	g := newGate(t, append([]string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"}, args...)...)
	g.serves()
	return g
}

// serves waits until it does, and learns its ports.
func (g *gate) serves() {
	g.t.Helper()
	ports := regexp.MustCompile(`serving"?[ ,]"?address"?[=:]"?([0-9.:]+)"?[ ,]"?admin"?[=:]"?([0-9.:]+)`)
	g.hears(ports.String())
	found := ports.FindStringSubmatch(g.said())
	g.url, g.admin = "http://"+found[1], "http://"+found[2]
}

// newGate runs serve.
func newGate(t *testing.T, args ...string) *gate {
	t.Helper()
	return runGate(t, append([]string{"serve"}, args...)...)
}

// runGate runs the program.
func runGate(t *testing.T, args ...string) *gate {
	t.Helper()
	return watchGate(t, exec.Command(built, args...))
}

// watchGate starts the program's process.
func watchGate(t *testing.T, cmd *exec.Cmd) *gate {
	t.Helper()
	g := &gate{t: t, cmd: cmd, ended: make(chan struct{})}
	stderr, err := g.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go g.read(stderr)
	t.Cleanup(func() {
		g.cmd.Process.Kill()
		<-g.ended
		if t.Failed() {
			t.Logf("serve said:\n%s", g.said())
		}
	})
	return g
}

func (g *gate) read(stderr io.Reader) {
	defer close(g.ended)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		g.mu.Lock()
		g.lines = append(g.lines, lines.Text())
		g.mu.Unlock()
	}
	g.cmd.Wait() // its error is the exit status
}

func (g *gate) said() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.Join(g.lines, "\n")
}

// hears waits until what it has said matches.
func (g *gate) hears(pattern string) {
	g.t.Helper()
	re := regexp.MustCompile(pattern)
	until(g.t, "serve said "+pattern, func() bool {
		select {
		case <-g.ended:
			if !re.MatchString(g.said()) {
				g.t.Fatalf("serve ended without %q and said:\n%s", pattern, g.said())
			}
		default:
		}
		return re.MatchString(g.said())
	})
}

func (g *gate) signal(sig syscall.Signal) {
	g.t.Helper()
	if err := g.cmd.Process.Signal(sig); err != nil {
		g.t.Fatal(err)
	}
}

// end waits for the end, and checks the exit status.
func (g *gate) end(status int) {
	g.t.Helper()
	select {
	case <-g.ended:
	case <-time.After(patience):
		g.t.Fatal("serve does not end")
	}
	if got := g.cmd.ProcessState.ExitCode(); got != status {
		g.t.Errorf("status %d, want %d; it said:\n%s", got, status, g.said())
	}
}

// metric gives the value of a line of /metrics, zero if it is not there.
func (g *gate) metric(line string) float64 {
	g.t.Helper()
	_, body := get(g.t, g.admin+"/metrics")
	for found := range strings.Lines(body) {
		if rest, ok := strings.CutPrefix(found, line+" "); ok {
			value, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				g.t.Fatal(err)
			}
			return value
		}
	}
	return 0
}

// counts waits until a line of /metrics has this value: requests are counted
// after they are answered.
func (g *gate) counts(line string, want float64) {
	g.t.Helper()
	until(g.t, fmt.Sprintf("%s is %v", line, want), func() bool { return g.metric(line) == want })
}

// reply is an answer to a test's request.
type reply struct {
	status int
	header http.Header
	body   string
	err    error
}

// predict asks for the sum of one instance that holds n.
func (g *gate) predict(n int) reply { return post(g.url+"/v1/models/sum:predict", instance(n)) }

// load has callers predict, each numbers of its own, until stop, which waits for them.
func (g *gate) load(callers int) (stop func()) {
	var stopped atomic.Bool
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			for n := caller + 1; !stopped.Load(); n += callers {
				g.predict(n).want(g.t, n)
			}
		})
	}
	return func() {
		stopped.Store(true)
		all.Wait()
	}
}

func instance(n int) string { return fmt.Sprintf(`{"instances": [%d]}`, n) }

func prediction(n int) string { return fmt.Sprintf(`{"predictions":[%d]}`, n) }

// want checks that r is the answer to predict(n).
func (r reply) want(t *testing.T, n int) {
	t.Helper()
	if r.err != nil || r.status != 200 || r.body != prediction(n) {
		t.Errorf("got %d %q, %v, want %q", r.status, r.body, r.err, prediction(n))
	}
}

func post(url, body string) reply {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return reply{err: err}
	}
	return do(http.DefaultClient, req)
}

func do(client *http.Client, req *http.Request) reply {
	res, err := client.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(text), err}
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// upstream is a stub that speaks kserve-v1 and echoes instances. A call waits
// while it is held.
type upstream struct {
	*httptest.Server
	mu      sync.Mutex
	held    chan struct{} // guarded by mu; nil is not held
	batches []int         // the instances of each call; guarded by mu
	headers []http.Header // of each call; guarded by mu
}

func newUpstream(t *testing.T) *upstream {
	t.Helper()
	u := &upstream{}
	u.Server = httptest.NewUnstartedServer(u)
	t.Cleanup(func() { u.release(); u.Close() })
	return u
}

// startSilent starts a server that reads requests and answers none.
func startSilent(t *testing.T) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	return s
}

// startUpstream is one that serves.
func startUpstream(t *testing.T) *upstream {
	t.Helper()
	u := newUpstream(t)
	u.Start()
	return u
}

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	items := bytes.Count(body, []byte(",")) + 1
	u.mu.Lock()
	u.batches, u.headers = append(u.batches, items), append(u.headers, r.Header)
	held := u.held
	u.mu.Unlock()
	if held != nil {
		<-held
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(bytes.Replace(body, []byte("instances"), []byte("predictions"), 1))
}

func (u *upstream) hold() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.held = make(chan struct{})
}

func (u *upstream) release() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.held != nil {
		close(u.held)
		u.held = nil
	}
}

// calls gives the sizes of the batches so far.
func (u *upstream) calls() []int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]int(nil), u.batches...)
}

// file writes a file into a folder of its own, and gives its name.
func file(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	writeFile(t, name, text)
	return name
}

// replaceFile puts another file in its place, as editors do.
func replaceFile(t *testing.T, name, text string) {
	t.Helper()
	writeFile(t, name+".new", text)
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

// quiet is for servers whose clients fail on purpose.
var quiet = log.New(io.Discard, "", 0)

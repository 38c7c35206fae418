//go:build unix

package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestGatewayDocs runs the commands of docs/gateway.md, section by section, on
// other ports than it names, and compares what they print.
func TestGatewayDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/gateway.md")
	if err != nil {
		t.Fatal(err)
	}
	headings := regexp.MustCompile(`(?m)^##+ (.*)\n`).FindAllStringSubmatchIndex(string(text), -1)
	ran := 0
	for i, h := range headings {
		end := len(text)
		if i+1 < len(headings) {
			end = headings[i+1][0]
		}
		name, body := string(text[h[2]:h[3]]), string(text[h[1]:end])
		if !strings.Contains(body, "```text\n") {
			continue
		}
		ran++
		t.Run(name, func(t *testing.T) {
			s := &docSection{t: t, dir: t.TempDir()}
			s.startStubs(body)
			s.run(body)
		})
	}
	if ran < 8 {
		t.Errorf("%d sections have commands, want 8", ran)
	}
}

// docSection is a section of the document that is run.
type docSection struct {
	t     *testing.T
	dir   string
	ports []string // of the document, each followed by the one in its place
}

// docStubs are the upstreams that the document takes for granted.
var docStubs = map[string]http.HandlerFunc{
	"8501": stubSums, "8600": stubEmbeddings, "9200": stubElasticsearch, "8545": stubEcho, "8700": stubScores,
}

// startStubs starts the upstreams that body has.
func (s *docSection) startStubs(body string) {
	for port, stub := range docStubs {
		if strings.Contains(body, "127.0.0.1:"+port) {
			server := httptest.NewServer(stub)
			s.t.Cleanup(server.Close)
			s.ports = append(s.ports, "127.0.0.1:"+port, server.Listener.Addr().String())
		}
	}
}

var docBlock = regexp.MustCompile("(?ms)(?:^`([^`\n]+)`:\n\n)?^```(\\w+)\n(.*?)^```$")

func (s *docSection) run(body string) {
	s.t.Helper()
	var command, printed string
	for _, found := range docBlock.FindAllStringSubmatch(body, -1) {
		name, kind, text := found[1], found[2], strings.NewReplacer(s.ports...).Replace(found[3])
		switch {
		case name != "":
			writeFile(s.t, filepath.Join(s.dir, name), text)
		case kind == "sh" && strings.HasPrefix(text, "batcher serve"):
			s.serve(strings.TrimSpace(text))
		case kind == "sh":
			command, printed = text, s.sh(text)
		case kind == "text":
			if got, want := loose(printed), loose(text); got != want {
				s.t.Errorf("%sprints\n%s\nwant\n%s", command, got, want)
			}
		}
	}
}

// environment has the program in its PATH.
func (s *docSection) environment(command string) *exec.Cmd {
	cmd := exec.Command("bash", "-c", command)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(built)+":"+os.Getenv("PATH"))
	return cmd
}

// serve runs a gateway until the section ends.
func (s *docSection) serve(command string) {
	s.t.Helper()
	cmd := s.environment("exec " + command)
	cmd.Env = append(cmd.Env, "BATCHER_LISTEN=127.0.0.1:0", "BATCHER_ADMIN_LISTEN=127.0.0.1:0")
	g := watchGate(s.t, cmd)
	g.serves()
	s.t.Cleanup(func() {
		g.signal(syscall.SIGTERM)
		g.end(0)
	})
	s.ports = append(s.ports, "127.0.0.1:8080", strings.TrimPrefix(g.url, "http://"), "127.0.0.1:9090", strings.TrimPrefix(g.admin, "http://"))
}

// sh runs commands and gives what they print.
func (s *docSection) sh(commands string) string {
	said, _ := s.environment(commands).CombinedOutput() // what they print tells whether they failed
	return string(said)
}

// loose leaves out what differs from run to run.
func loose(text string) string {
	for pattern, with := range map[string]string{`dur=[0-9.]+`: "dur=N", `id=\S+`: "id=N", `\r`: "", `(?m)\s+$`: ""} {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, with)
	}
	return strings.TrimSpace(text)
}

func answerJSON(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, text)
}

// decode reads a request's body.
func decode[T any](r *http.Request) (v T) {
	json.NewDecoder(r.Body).Decode(&v) // a wrong one has no items
	return v
}

func stubSums(w http.ResponseWriter, r *http.Request) {
	var sums []string
	for _, instance := range decode[struct{ Instances [][]int }](r).Instances {
		sum := 0
		for _, n := range instance {
			sum += n
		}
		sums = append(sums, fmt.Sprint(sum))
	}
	answerJSON(w, `{"predictions":[`+strings.Join(sums, ",")+`]}`)
}

func stubEmbeddings(w http.ResponseWriter, r *http.Request) {
	var data []string
	tokens := 0
	for i, text := range decode[struct{ Input []string }](r).Input {
		data = append(data, fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":[%d]}`, i, len(text)))
		tokens += len(text)
	}
	answerJSON(w, fmt.Sprintf(`{"object":"list","data":[%s],"model":"small","usage":{"prompt_tokens":%d,"total_tokens":%d}}`, strings.Join(data, ","), tokens, tokens))
}

func stubElasticsearch(w http.ResponseWriter, r *http.Request) {
	action := decode[struct {
		Index struct {
			Index string `json:"_index"`
			ID    string `json:"_id"`
		}
	}](r).Index
	answerJSON(w, fmt.Sprintf(`{"took":1,"errors":false,"items":[{"index":{"_index":%q,"_id":%q,"_version":1,"result":"created","status":201}}]}`, action.Index, action.ID))
}

func stubEcho(w http.ResponseWriter, r *http.Request) {
	call := decode[struct{ ID, Params json.RawMessage }](r)
	answerJSON(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, call.ID, call.Params))
}

func stubScores(w http.ResponseWriter, r *http.Request) {
	var scores []string
	for _, text := range decode[struct{ Texts []string }](r).Texts {
		scores = append(scores, fmt.Sprint(len(text)))
	}
	answerJSON(w, `{"scores":[`+strings.Join(scores, ",")+`]}`)
}

// Links of the documents lead somewhere.
func TestGatewayDocsLinks(t *testing.T) {
	for _, name := range []string{"gateway.md", "gateway-reference.md"} {
		text, err := os.ReadFile(filepath.Join("../../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`\]\(([^):#]+)\)`).FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join("../../docs", found[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

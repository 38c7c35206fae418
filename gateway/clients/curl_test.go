package clients_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/stub"
)

// section is a part of the page that has examples.
type section struct {
	protocol gateway.Protocol
	upstream http.Handler
}

// sections are by heading, each with an upstream of its own.
func sections() map[string]section {
	return map[string]section{
		"kserve-v1": {gateway.NewKServeV1(), function(func(in struct{ Instances [][]int }) any {
			sums := make([]int, len(in.Instances))
			for i, terms := range in.Instances {
				for _, term := range terms {
					sums[i] += term
				}
			}
			return map[string]any{"predictions": sums}
		})},
		"oip-v2":            {gateway.OIPv2{}, stub.OIP{}},
		"openai-embeddings": {gateway.OpenAIEmbeddings{}, stub.Embeddings{Reverse: true}},
		"es-bulk":           {gateway.ESBulk{}, &stub.Elastic{}},
		"json-rpc":          {gateway.JSONRPC{}, &stub.JSONRPC{}},
		"json-array": {jsonArray("/texts", "/lengths"), function(func(in struct{ Texts []string }) any {
			lengths := make([]int, len(in.Texts))
			for i, text := range in.Texts {
				lengths[i] = len(text)
			}
			return map[string]any{"lengths": lengths}
		})},
		"exec": {gateway.Exec{}, function(func(in []int) any {
			squares := make([]int, len(in))
			for i, n := range in {
				squares[i] = n * n
			}
			return squares
		})},
	}
}

func jsonArray(items, results string) gateway.Protocol {
	p, err := gateway.NewJSONArray(items, results)
	if err != nil {
		panic(err)
	}
	return p
}

// function is an upstream that answers with what f makes of a body.
func function[In any](f func(In) any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in In
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &in)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer, err := json.Marshal(f(in))
		if err != nil {
			panic(err)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	})
}

// readPage returns the page, and its sections by their headings.
func readPage(t *testing.T) (page string, sections map[string]string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/gateway-protocols.md")
	if err != nil {
		t.Fatal(err)
	}
	sections = map[string]string{}
	for section := range strings.SplitSeq(string(text), "\n## ") {
		name, body, _ := strings.Cut(section, "\n")
		sections[name] = body
	}
	return string(text), sections
}

var example = regexp.MustCompile("(?s)```sh\n(curl .*?)\n```\n\n```(?:json|text)\n(.*?)\n```")

func TestCurlGetsWhatThePageSays(t *testing.T) {
	page, text := readPage(t)
	ran := 0
	for name, section := range sections() {
		t.Run(name, func(t *testing.T) {
			f := start(t, section.protocol, section.upstream)
			for _, e := range example.FindAllStringSubmatch(text[name], -1) {
				command := strings.ReplaceAll(e[1], "localhost:8080", strings.TrimPrefix(f.url, "http://"))
				out, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput()
				if err != nil || strings.TrimSuffix(string(out), "\n") != e[2] {
					t.Errorf("%s\ngot  %s, %v\nwant %s", e[1], out, err, e[2])
				}
				ran++
			}
			if f.items.Load() == 0 {
				t.Error("nothing was batched: there is no example, or it was passed through")
			}
		})
	}
	if n := strings.Count(page, "```sh"); n != ran {
		t.Errorf("%d examples were run, the page has %d", ran, n)
	}
}

func TestPageNamesTheLimits(t *testing.T) {
	page, _ := readPage(t)
	for name, section := range sections() {
		items, weight := 64, 0
		if limiter, ok := section.protocol.(gateway.Limiter); ok {
			items, weight = limiter.Limits()
		}
		row := regexp.MustCompile("(?m)^\\| \\[`" + name + "`\\].*\\| " + thousands(items) + " \\| " + thousands(weight) + " ?\\|$")
		if !row.MatchString(page) {
			t.Errorf("the page does not say that %s takes %d items and a weight of %d", name, items, weight)
		}
	}
}

// thousands writes a number as the page does, below a million.
func thousands(n int) string {
	switch {
	case n == 0:
		return ""
	case n < 1000:
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

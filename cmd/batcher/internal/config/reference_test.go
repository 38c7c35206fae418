package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
)

var update = flag.Bool("update", false, "write docs/gateway-reference.md")

const reference = "../../../../docs/gateway-reference.md"

func TestReference(t *testing.T) {
	if *update {
		if err := os.WriteFile(reference, []byte(config.Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != config.Reference() {
		t.Errorf("%s is not up to date: run go generate ./... in cmd/batcher", filepath.Base(reference))
	}
}

// The example in the reference is right, and uses no key that there is not.
func TestReferenceExample(t *testing.T) {
	_, example, found := strings.Cut(config.Reference(), "```yaml\n")
	example, _, closed := strings.Cut(example, "```")
	if !found || !closed {
		t.Fatal("there is no example")
	}
	c, err := load(t, example, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Routes) != 3 {
		t.Errorf("%d routes, want 3", len(c.Routes))
	}
}

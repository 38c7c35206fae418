package natsbatch_test

import (
	"os"
	"strings"
	"testing"
)

// Who uses this package takes on the client, and not the server.
func TestOnlyTheClientIsRequired(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mod)) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		direct := strings.Contains(name, "/") && !strings.Contains(line, "// indirect")
		if direct && name != "github.com/gobatcher/batcher" && name != "github.com/nats-io/nats.go" {
			t.Errorf("go.mod requires %s", name)
		}
		if strings.Contains(name, "nats-server") {
			t.Errorf("go.mod requires %s", name)
		}
	}
}

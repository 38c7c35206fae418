package e2e_test

import (
	"flag"
	"os"
	"testing"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/load"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/proc"
	"github.com/gobatcher/batcher/natsbatch/e2e/internal/server"
)

var full = flag.Bool("full", false, "use the counts that the promises are stated with")

// count is how often or how many: all with -full, else some.
func count(some, all int) int {
	if *full {
		return all
	}
	return some
}

func TestMain(m *testing.M) {
	proc.Main(map[string]proc.Role{
		server.Role:       server.Run,
		load.WorkerRole:   load.RunWorker,
		load.FrontEndRole: load.RunFrontEnd,
		load.EmbeddedRole: load.RunEmbedded,
	})
	flag.Parse()
	os.Exit(m.Run())
}

//go:build unix

package main_test

import (
	"context"
	"io"
	"runtime"
	"strings"
	"testing"

	program "github.com/gobatcher/batcher/cmd/batcher"
)

// TestPipeLetsGoOfLines has long lines, of which it may hold four.
func TestPipeLetsGoOfLines(t *testing.T) {
	const lines, size = 64, 1 << 20
	line := strings.Repeat("a", size) + "\n"
	var stdin []io.Reader
	for range lines {
		stdin = append(stdin, strings.NewReader(line))
	}
	var before, held runtime.MemStats
	stdin = append(stdin, atRead(func() {
		runtime.GC()
		runtime.ReadMemStats(&held)
	}))
	runtime.GC()
	runtime.ReadMemStats(&before)
	args := []string{"pipe", "--max-pending", "4", "sed", "s/.*//"}
	var stdout, stderr strings.Builder
	status := program.Run(context.Background(), args, io.MultiReader(stdin...), &stdout, &stderr)
	outcome{status, stdout.String(), stderr.String()}.check(t, 0, strings.Repeat("\n", lines), "")
	if more := int64(held.HeapAlloc) - int64(before.HeapAlloc); more > lines*size/4 {
		t.Errorf("%d bytes are held at the end of %d", more, lines*size)
	}
}

// atRead is an empty stream that says when it is read.
type atRead func()

func (f atRead) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}

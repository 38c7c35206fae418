//go:build !(386 || arm || mips || mipsle)

package batcher

import (
	"testing"
	"unsafe"
)

// What each request changes lies on two cache lines, of the pool and of its
// batch, which processors hand to one another: not on three or four. Memory of
// such a size begins on a cache line. The layout is that of 64-bit processors;
// on others it costs time, and nothing else.
func TestWhatEachRequestChangesLiesOnTwoCacheLines(t *testing.T) {
	const line = 64
	var p pool[string, string]
	var b Batch[string, string]
	for _, c := range []struct {
		what              string
		first, last, size uintptr
	}{
		{"pool", unsafe.Offsetof(p.mu), unsafe.Offsetof(p.room) + unsafe.Offsetof(p.room.limit), unsafe.Sizeof(p)},
		{"batch", unsafe.Offsetof(b.trigger), unsafe.Offsetof(b.more), unsafe.Sizeof(b)},
	} {
		if c.first%line != 0 || c.last/line != c.first/line {
			t.Errorf("%s: from byte %d to %d of %d", c.what, c.first, c.last, c.size)
		}
	}
	if size := unsafe.Sizeof(b); size%line != 0 {
		t.Errorf("a batch takes %d bytes: the next one begins within a cache line", size)
	}
}

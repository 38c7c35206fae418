package load

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Usage is what a process has used of its machine.
type Usage struct {
	CPU        time.Duration // of all its threads
	Peak       int64         // resident bytes, at most so far
	Goroutines int
}

func usage() (Usage, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return Usage{}, fmt.Errorf("load: %w", err)
	}
	u := Usage{CPU: time.Duration(r.Utime.Nano() + r.Stime.Nano()), Goroutines: runtime.NumGoroutine()}
	text, err := os.ReadFile("/proc/self/status")
	if err != nil { // not Linux: the runtime's own view
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		u.Peak = int64(m.Sys)
		return u, nil
	}
	for line := range strings.Lines(string(text)) {
		var kB int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kB); err == nil {
			u.Peak = kB << 10
		}
	}
	return u, nil
}

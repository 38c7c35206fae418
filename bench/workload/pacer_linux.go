package workload

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// pacer sleeps to within some 50 us. time.Sleep rounds a remainder under a millisecond up to one, and so is half a millisecond late on average; at low load
// that would be the larger part of what Open measures, for arrivals as for Func. A timer behind a file descriptor wakes the same poller on time and holds no
// processor meanwhile.
type pacer struct {
	fd   int
	file *os.File
}

func newPacer() (*pacer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create timer: %w", err)
	}
	return &pacer{fd: fd, file: os.NewFile(uintptr(fd), "timer")}, nil
}

// sleep falls back on time.Sleep if the timer fails: late is better than never.
func (p *pacer) sleep(d time.Duration) {
	var expirations [8]byte
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	err := unix.TimerfdSettime(p.fd, 0, &spec, nil)
	if err == nil {
		_, err = p.file.Read(expirations[:])
	}
	if err != nil {
		time.Sleep(d)
	}
}

func (p *pacer) close() { _ = p.file.Close() }

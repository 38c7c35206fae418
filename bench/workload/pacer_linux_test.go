package workload

import (
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const nap = 3 * time.Millisecond

func TestPacersSleepAtOnce(t *testing.T) {
	const sleepers = 50
	p := new(pacers)
	var asleep sync.WaitGroup
	for range sleepers {
		asleep.Go(func() { sleepsAtLeast(t, p.sleep) })
	}
	asleep.Wait()
	if n := len(p.free); n == 0 || n > sleepers {
		t.Errorf("%d timers for %d sleepers", n, sleepers)
	}
	p.close()
}

func TestPacerThatFailsSleepsAllTheSame(t *testing.T) {
	p, err := newPacer()
	if err != nil {
		t.Fatal(err)
	}
	p.close()
	sleepsAtLeast(t, p.sleep)
}

func TestPacersSleepWithoutTimers(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := unix.Rlimit{Max: limit.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	p := new(pacers)
	sleepsAtLeast(t, p.sleep)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if len(p.free) != 0 {
		t.Error("a timer was made")
	}
}

func sleepsAtLeast(t *testing.T, sleep func(time.Duration)) {
	t.Helper()
	start := time.Now()
	sleep(nap)
	if took := time.Since(start); took < nap {
		t.Errorf("slept %v, want %v", took, nap)
	}
}

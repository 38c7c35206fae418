package proc

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes puts the child in a process group of its own, so that a
// terminal's interrupt reaches the parent alone, and ties its life to the
// parent's.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// stopped waits until a child that was sent SIGSTOP stands still.
func stopped(pid int) error {
	for {
		if err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED, nil); err != unix.EINTR {
			return err
		}
	}
}

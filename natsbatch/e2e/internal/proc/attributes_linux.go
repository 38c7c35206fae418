package proc

import "syscall"

// attributes puts the child in a process group of its own, so that a
// terminal's interrupt reaches the parent alone, and ties its life to the
// parent's.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

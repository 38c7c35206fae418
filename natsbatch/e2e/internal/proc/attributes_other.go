//go:build unix && !linux

package proc

import "syscall"

// attributes puts the child in a process group of its own, so that a
// terminal's interrupt reaches the parent alone. The child ends when its
// standard input closes.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// stopped does not know.
func stopped(int) error { return nil }

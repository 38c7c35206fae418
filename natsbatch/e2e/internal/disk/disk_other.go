//go:build !linux

package disk

import (
	"errors"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/proc"
)

// Disk is a mounted file system, which this system cannot have.
type Disk struct{}

// Mount fails with ErrUnable.
func Mount(string) (*Disk, error) { return nil, unable("mount", errors.ErrUnsupported) }

// Dir is where the file system is mounted.
func (*Disk) Dir() string { return "" }

// Thread is where it can be seen.
func (*Disk) Thread() *proc.Thread { return nil }

// CutPower drops what was not synced.
func (*Disk) CutPower() error { return ErrUnable }

// Restore mounts what is left after CutPower.
func (*Disk) Restore() error { return ErrUnable }

// Close unmounts.
func (*Disk) Close() error { return ErrUnable }

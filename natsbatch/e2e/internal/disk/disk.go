// Package disk is a file system that can lose power: an ext4 in a file, whose
// shutdown drops what was written and not synced, as the end of a machine does.
package disk

import (
	"errors"
	"fmt"
)

// ErrUnable is why a machine cannot have such a file system: it is not Linux,
// the process is not root, or it may not mount.
var ErrUnable = errors.New("no file system here can be made to lose power")

func unable(what string, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrUnable, what, err)
}

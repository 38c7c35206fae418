package disk

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/proc"
)

const imageSize = 256 << 20

// The ioctl that shuts a file system down, and its way of doing so without
// writing the journal first: EXT4_IOC_SHUTDOWN and EXT4_GOING_FLAGS_NOLOGFLUSH
// in Linux's fs/ext4/ext4.h.
const (
	shutdown     = 0x8004587d // _IOR('X', 125, __u32)
	loseUnsynced = 2
)

// Disk is a mounted file system. Only what runs on its thread sees it, so that
// it is gone when the process is, however that ends.
type Disk struct {
	image, at string
	thread    *proc.Thread
}

// Mount makes a file system in dir and mounts it. The error is ErrUnable where
// the machine does not allow that.
func Mount(dir string) (*Disk, error) {
	d := &Disk{image: filepath.Join(dir, "image"), at: filepath.Join(dir, "mounted"), thread: proc.NewThread()}
	if err := d.do(d.make); err != nil {
		d.thread.Close()
		return nil, err
	}
	return d, nil
}

// make runs on the thread.
func (d *Disk) make() error {
	if os.Getuid() != 0 {
		return unable("mount", errors.New("not root"))
	}
	if err := os.Mkdir(d.at, 0o700); err != nil {
		return fmt.Errorf("disk: %w", err)
	}
	if err := os.WriteFile(d.image, nil, 0o600); err != nil {
		return fmt.Errorf("disk: %w", err)
	}
	if err := os.Truncate(d.image, imageSize); err != nil {
		return fmt.Errorf("disk: %w", err)
	}
	// All of the file system is laid out now: later, in the background, it
	// would be writes that no test knows of.
	if err := run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", d.image); err != nil {
		return unable("mkfs", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return unable("unshare", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return unable("unshare", err)
	}
	if err := d.mount(); err != nil {
		return unable("mount", err)
	}
	return nil
}

// Dir is where the file system is mounted.
func (d *Disk) Dir() string { return d.at }

// Thread is where it can be seen.
func (d *Disk) Thread() *proc.Thread { return d.thread }

// CutPower drops what was not synced. Every access fails from now on.
func (d *Disk) CutPower() error {
	return d.do(func() error {
		root, err := os.Open(d.at)
		if err != nil {
			return fmt.Errorf("disk: %w", err)
		}
		defer func() { _ = root.Close() }()
		if err := unix.IoctlSetPointerInt(int(root.Fd()), shutdown, loseUnsynced); err != nil {
			return fmt.Errorf("disk: shut down: %w", err)
		}
		return nil
	})
}

// Restore mounts what is left after CutPower. No process may have a file of it open.
func (d *Disk) Restore() error {
	return d.do(func() error {
		if err := run("umount", d.at); err != nil {
			return err
		}
		return d.mount()
	})
}

// Close unmounts. No process may have a file of it open.
func (d *Disk) Close() error {
	defer d.thread.Close()
	return d.do(func() error { return run("umount", d.at) })
}

func (d *Disk) mount() error { return run("mount", "-o", "loop", d.image, d.at) }

func (d *Disk) do(f func() error) (err error) {
	d.thread.Do(func() { err = f() })
	return err
}

func run(name string, args ...string) error {
	said, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(said))
	}
	return nil
}

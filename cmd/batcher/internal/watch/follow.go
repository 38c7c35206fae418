package watch

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// follow makes events watch all folders on which the contents of these files
// depend, and no others. A pipe or a device is not watched, unless it was seen to have
// taken the place of a file, which may come back. A folder that is watched already is
// added once more: it may be a new one of the same name.
func follow(events *fsnotify.Watcher, paths []string, seen contents) error {
	var wanted []string
	for _, path := range paths {
		if !seen[path].was && irregular(path) {
			continue
		}
		for _, folder := range folders(path) {
			if !slices.Contains(wanted, folder) {
				wanted = append(wanted, folder)
			}
		}
	}
	for _, folder := range events.WatchList() {
		if !slices.Contains(wanted, folder) {
			_ = events.Remove(folder) // it may have gone
		}
	}
	var errs []error
	for _, folder := range wanted {
		errs = append(errs, events.Add(folder))
	}
	return errors.Join(errs...)
}

// irregular reports whether there is a pipe or a device at path. In place of a folder a
// file may come.
func irregular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// mostLinks is how many links a path may lead through, as on Linux.
const mostLinks = 40

// folders returns the folders in which something must happen before the content at
// path changes: that of the file, since files are replaced more often than written,
// and those of all links on the way to it. If something on the way is missing, the
// last one is the folder in which it is missing.
func folders(path string) (all []string) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil
	}
	at, rest := split(path)
	for links := 0; len(rest) > 0; {
		next := filepath.Join(at, rest[0])
		info, err := os.Lstat(next)
		switch {
		case err != nil:
			return append(all, at)
		case info.Mode()&os.ModeSymlink != 0:
			all = append(all, at)
			target, err := os.Readlink(next)
			if links++; err != nil || links > mostLinks {
				return all
			}
			root, names := split(target)
			if filepath.IsAbs(target) {
				at = root
			}
			rest = append(names, rest[1:]...)
		case len(rest) == 1:
			return append(all, at)
		default:
			at, rest = next, rest[1:]
		}
	}
	return all
}

// split returns the root of a path and the names below it.
func split(path string) (root string, names []string) {
	volume := filepath.VolumeName(path)
	separator := func(r rune) bool { return r < 0x80 && os.IsPathSeparator(uint8(r)) }
	return volume + string(filepath.Separator), strings.FieldsFunc(path[len(volume):], separator)
}

// Package once reads files again and again, but those that can be read only once,
// once.
package once

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Files reads files. What is not a regular file it reads the first time only, and
// keeps: a pipe can be read only once, and opening a named one that nobody writes to
// would block. Nor does it open one that has taken the place of a regular file. The
// zero Files has read none. It is not safe for concurrent use.
type Files struct{ had map[string]content }

// content is what was read.
type content struct {
	regular bool // from a regular file; then text is not kept
	text    []byte
}

// Read returns the content of a file, but not more than most bytes of it: it may be
// a device, which has no end. It waits only where a name is read for the first time.
// It fails for a name that had a regular file and now has something else. Nobody may
// change what it returns.
func (f *Files) Read(name string, most int64) ([]byte, error) {
	had, known := f.had[name]
	open := os.Open
	switch {
	case known && !had.regular && !regular(os.Stat(name)):
		return had.text, nil
	case known:
		open = Open
	}
	file, err := open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, most))
	switch {
	case regular(file.Stat()):
		f.keep(name, content{regular: true})
	case err == nil:
		f.keep(name, content{text: text})
	}
	return text, err
}

func (f *Files) keep(name string, c content) {
	if f.had == nil {
		f.had = make(map[string]content)
	}
	f.had[name] = c
}

var errNotRegular = errors.New("not a regular file")

// Open opens a regular file. For anything else it fails, and it never waits, as
// os.Open does for the writer of a named pipe.
func Open(name string) (*os.File, error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() { // which opening may have an effect on
		return nil, &fs.PathError{Op: "open", Path: name, Err: errNotRegular}
	}
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // for what comes in between
	if err != nil {
		return nil, err
	}
	if !regular(file.Stat()) {
		_ = file.Close()
		return nil, &fs.PathError{Op: "open", Path: name, Err: errNotRegular}
	}
	return file, nil
}

func regular(info os.FileInfo, err error) bool { return err == nil && info.Mode().IsRegular() }

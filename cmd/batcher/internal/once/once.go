// Package once reads files again and again, but those that can be read only once,
// once.
package once

import (
	"io"
	"os"
)

// Files reads files. What is not a regular file it reads the first time only, and
// keeps: a pipe can be read only once, and opening a named one that nobody writes to
// would block. The zero Files has read none. It is not safe for concurrent use.
type Files struct{ had map[string][]byte }

// Read returns the content of a file, but not more than most bytes of it: it may be
// a device, which has no end. Nobody may change what it returns.
func (f *Files) Read(name string, most int64) ([]byte, error) {
	if had, ok := f.had[name]; ok && !regular(os.Stat(name)) {
		return had, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, most))
	if err == nil && !regular(file.Stat()) {
		if f.had == nil {
			f.had = make(map[string][]byte)
		}
		f.had[name] = text
	}
	return text, err
}

func regular(info os.FileInfo, err error) bool { return err == nil && info.Mode().IsRegular() }

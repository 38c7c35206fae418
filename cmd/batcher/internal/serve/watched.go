package serve

import "github.com/gobatcher/batcher/cmd/batcher/internal/watch"

// watched watches the files of the configuration, or nothing if the system has no
// watches left.
type watched struct{ files *watch.Files }

// watchFile watches the file at path, if it is not "".
func watchFile(path string) (*watched, error) {
	files, err := watch.New()
	if err != nil {
		return &watched{}, err
	}
	w := &watched{files}
	if path != "" {
		err = w.set([]string{path})
	}
	return w, err
}

func (w *watched) set(paths []string) error {
	if w.files == nil {
		return nil
	}
	return w.files.Set(paths)
}

// changed returns a channel that holds a value when a file has changed.
func (w *watched) changed() <-chan struct{} {
	if w.files == nil {
		return nil
	}
	return w.files.Changed
}

func (w *watched) close() {
	if w.files != nil {
		_ = w.files.Close() // nobody asks it any more
	}
}

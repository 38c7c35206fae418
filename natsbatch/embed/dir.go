package embed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// Dir returns a directory for a program of this name, in the place that the
// system has for the data of its user: $XDG_DATA_HOME, or ~/.local/share, on
// Unix; ~/Library/Application Support on macOS; %LocalAppData% on Windows. It
// makes nothing.
func Dir(name string) (string, error) {
	if name == "" || name != filepath.Base(name) || name == "." || name == ".." {
		return "", fmt.Errorf("embed: %q is no name for a directory", name)
	}
	base, err := dataHome()
	if err != nil {
		return "", fmt.Errorf("embed: %w", err)
	}
	return filepath.Join(base, name), nil
}

func dataHome() (string, error) {
	switch runtime.GOOS {
	case "windows":
		if dir := os.Getenv("LocalAppData"); dir != "" {
			return dir, nil
		}
		return "", errors.New("%LocalAppData% is not set")
	case "darwin", "ios":
		return os.UserConfigDir() // it is the place for data there
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".local", "share"), err
}

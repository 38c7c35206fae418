package disk_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/disk"
)

// TestOnlyWhatIsSyncedSurvives tests the rig itself, or, where the machine
// has none, that it says why.
func TestOnlyWhatIsSyncedSurvives(t *testing.T) {
	d, err := disk.Mount(t.TempDir())
	if errors.Is(err, disk.ErrUnable) {
		t.Log(err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	d.Thread().Do(func() {
		for name, sync := range map[string]bool{"synced": true, "not": false} {
			write(t, filepath.Join(d.Dir(), name), sync)
		}
	})
	if err := d.CutPower(); err != nil {
		t.Fatal(err)
	}
	d.Thread().Do(func() {
		if err := os.WriteFile(filepath.Join(d.Dir(), "late"), nil, 0o600); err == nil {
			t.Error("a file was created without power")
		}
	})
	if err := d.Restore(); err != nil {
		t.Fatal(err)
	}
	d.Thread().Do(func() {
		if text, err := os.ReadFile(filepath.Join(d.Dir(), "synced")); err != nil || string(text) != "written" {
			t.Errorf("what was synced: %q, %v", text, err)
		}
		if text, err := os.ReadFile(filepath.Join(d.Dir(), "not")); err == nil && string(text) == "written" {
			t.Error("what was not synced survived: power was not cut")
		}
	})
	if _, err := os.Stat(filepath.Join(d.Dir(), "synced")); err == nil {
		t.Error("the file system is seen outside its thread, and may be left behind")
	}
}

// write may run on another goroutine than the test's.
func write(t *testing.T, name string, sync bool) {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Error(err)
		return
	}
	defer file.Close()
	if _, err := file.WriteString("written"); err != nil {
		t.Error(err)
	}
	if sync {
		if err := file.Sync(); err != nil {
			t.Error(err)
		}
	}
}

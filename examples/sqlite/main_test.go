package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// One run: both rates of each kind of work, every insert that was answered is
// stored, and a bad row is refused alone.
func TestRun(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`^SQLite 3\S+, 64 callers

 +one by one +batched
insert in one transaction +\d+/s +\d+/s +\d+\.\d times
insert by one statement +\d+/s +\d+/s +\d+\.\d times
look up by one query +\d+/s +\d+/s +\d+\.\d times

(\d+) inserts were answered, (\d+) rows are stored\.

Eight rows by one statement and middleware\.Isolate, the sixth row is bad:
  row 6 is refused: .*CHECK constraint failed: quantity > 0.*
  7 rows are stored
  it took 7 statements

Eight rows in one transaction, the sixth row is bad:
  row 6 is refused: .*CHECK constraint failed: quantity > 0.*
  7 rows are stored
$`)
	m := want.FindStringSubmatch(out.String())
	if m == nil {
		t.Fatalf("got:\n%s\nwant:\n%v", &out, want)
	}
	if m[1] == "0" || m[1] != m[2] {
		t.Errorf("%s inserts were answered and %s rows are stored", m[1], m[2])
	}
	wantEmpty(t, folder)
}

// Ctrl-C ends it wherever it is, and the database goes.
func TestRunInterrupted(t *testing.T) {
	for _, at := range []string{"one by one", "insert in", "look up", "Eight"} {
		folder := t.TempDir()
		t.Setenv("TMPDIR", folder)
		ctx, cancel := context.WithCancel(t.Context())
		err := run(ctx, &interrupter{at: at, interrupt: cancel})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted at %q: got %v", at, err)
		}
		wantEmpty(t, folder)
		cancel()
	}
}

// interrupter calls interrupt when it is to print a text with at in it.
type interrupter struct {
	at        string
	interrupt func()
}

func (i *interrupter) Write(text []byte) (int, error) {
	if bytes.Contains(text, []byte(i.at)) {
		i.interrupt()
	}
	return len(text), nil
}

func wantEmpty(t *testing.T, folder string) {
	t.Helper()
	left, err := os.ReadDir(folder)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestRunNowhere(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	if err := run(t.Context(), io.Discard); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

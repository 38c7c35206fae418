package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong, and where.
type Fault struct {
	Source       string // the file, "--NAME", "environment variable NAME" or "without --config"; may be ""
	Line, Column int    // in the file, from 1; zero if it is not there
	Text         string
}

// Error is one line.
func (f Fault) Error() string {
	switch {
	case f.Line > 0:
		return fmt.Sprintf("%s:%d:%d: %s", f.Source, f.Line, f.Column, f.Text)
	case f.Source != "":
		return f.Source + ": " + f.Text
	}
	return f.Text
}

// Faults are all the things that are wrong, in the order of the file.
type Faults []Fault

// Error is one line for each.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.Error()
	}
	return strings.Join(lines, "\n")
}

// err returns f, sorted and without duplicates, or nil if it is empty.
func (f Faults) err() error {
	if len(f) == 0 {
		return nil
	}
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(f)
}

// Package oracle knows what happened: each process writes down what it has
// sent, had acknowledged, run and seen answered, and the test reads all of it
// and says what must never have been.
//
// A record is one line in a file of its process, handed to the kernel before
// the process goes on, so that a process that is killed has still told all it
// had done. Nothing is synced: only the machine's own death would need it.
package oracle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Kind is what happened to a request.
type Kind string

// The kinds, and what their records' Value holds.
const (
	Sent     Kind = "sent"     // is about to be handed in: its payload's Hash
	Acked    Kind = "acked"    // was accepted for good: its handle, or nothing
	Ran      Kind = "ran"      // a worker begins to process it: which run
	Answered Kind = "answered" // somebody saw its result: an Answer
	Failed   Kind = "failed"   // somebody saw its definite error: the error's text
	Unknown  Kind = "unknown"  // its caller was told that nobody knows: the error's text
)

// Record is one thing that happened to one request. ID has no space.
type Record struct {
	Kind  Kind
	ID    string
	Value string
}

// Log is where one process writes. Write may be called by any number of goroutines.
type Log struct{ file *os.File }

// Open creates a log in dir that belongs to this process and to who.
func Open(dir, who string) (*Log, error) {
	file, err := os.CreateTemp(dir, fmt.Sprintf("%s-%d-*.log", who, os.Getpid()))
	if err != nil {
		return nil, fmt.Errorf("oracle: %w", err)
	}
	return &Log{file}, nil
}

// Write appends the records at once.
func (l *Log) Write(records ...Record) {
	var b strings.Builder
	for _, r := range records {
		fmt.Fprintf(&b, "%s %s %s\n", r.Kind, r.ID, strings.ReplaceAll(r.Value, "\n", " "))
	}
	if _, err := l.file.WriteString(b.String()); err != nil {
		panic(fmt.Sprintf("oracle: %s: %v", filepath.Base(l.file.Name()), err)) // no test can go on
	}
}

// Close closes the file.
func (l *Log) Close() error { return l.file.Close() }

// Hash is how a payload is recognized in its answer.
func Hash(payload []byte) string {
	sum := sha256.Sum256(payload)
	return hex.EncodeToString(sum[:12])
}

// Answer is the result of a request: the hash of the payload that was
// processed, and the run that did it, so that the results of two runs differ.
func Answer(payload []byte, run string) string { return Hash(payload) + " " + run }

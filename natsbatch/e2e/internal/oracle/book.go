package oracle

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Request is all that is known of one.
type Request struct {
	Hash     string
	Sent     int
	Acked    int
	Handle   string // the last one
	Runs     []string
	Answers  []string // distinct ones
	Seen     int      // how often an answer was seen
	Failures []string // distinct ones
	Unknown  int
}

// Book is what all processes wrote.
type Book map[string]*Request

// Read reads all logs in dir. The last line of a log may be torn where its
// process was killed; nothing is known of it.
func Read(dir string) (Book, error) {
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		return nil, err
	}
	b := Book{}
	for _, log := range logs {
		if err := b.read(log); err != nil {
			return nil, fmt.Errorf("oracle: %s: %w", filepath.Base(log), err)
		}
	}
	return b, nil
}

func (b Book) read(log string) error {
	file, err := os.Open(log)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil // the end, or a torn line
		}
		if err := b.note(strings.TrimSuffix(line, "\n")); err != nil {
			return err
		}
	}
}

func (b Book) note(line string) error {
	fields := strings.SplitN(line, " ", 3)
	if len(fields) != 3 {
		return fmt.Errorf("not a record: %q", line)
	}
	kind, id, value := Kind(fields[0]), fields[1], fields[2]
	r := b[id]
	if r == nil {
		r = &Request{}
		b[id] = r
	}
	switch kind {
	case Sent:
		r.Sent++
		r.Hash = value
	case Acked:
		r.Acked++
		r.Handle = value
	case Ran:
		r.Runs = append(r.Runs, value)
	case Answered:
		r.Seen++
		r.Answers = include(r.Answers, value)
	case Failed:
		r.Failures = include(r.Failures, value)
	case Unknown:
		r.Unknown++
	default:
		return fmt.Errorf("not a record: %q", line)
	}
	return nil
}

func include(list []string, value string) []string {
	if slices.Contains(list, value) {
		return list
	}
	return append(list, value)
}

// Count is how many requests are like this.
func (b Book) Count(like func(*Request) bool) int {
	n := 0
	for _, r := range b {
		if like(r) {
			n++
		}
	}
	return n
}

// Find gives the ids of those that are like this, in order.
func (b Book) Find(like func(*Request) bool) []string {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(b)) {
		if like(b[id]) {
			ids = append(ids, id)
		}
	}
	return ids
}

// String is a summary in one line.
func (b Book) String() string {
	runs, most := 0, 0
	for _, r := range b {
		runs += len(r.Runs)
		most = max(most, len(r.Runs))
	}
	return fmt.Sprintf("%d requests: %d acknowledged, %d answered, %d failed, %d of unknown outcome; %d runs, at most %d of one request",
		len(b), b.Count(func(r *Request) bool { return r.Acked > 0 }), b.Count(func(r *Request) bool { return len(r.Answers) > 0 }),
		b.Count(func(r *Request) bool { return len(r.Failures) > 0 }), b.Count(func(r *Request) bool { return r.Unknown > 0 }), runs, most)
}

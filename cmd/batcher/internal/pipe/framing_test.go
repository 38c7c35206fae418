package pipe_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/cmd/batcher/internal/pipe"
)

// pieces cuts data into pieces, sizes from a byte each, over and over.
func pieces(data, sizes []byte) (cut [][]byte) {
	for i := 0; len(data) > 0; i++ {
		n := 1
		if len(sizes) > 0 {
			n = 1 + int(sizes[i%len(sizes)])*37 // up to more than a first block
		}
		n = min(n, len(data))
		cut = append(cut, data[:n])
		data = data[n:]
	}
	return cut
}

// scripted reads one piece at a time, and the end with the last one if abrupt.
type scripted struct {
	pieces [][]byte
	abrupt bool
}

func (s *scripted) Read(p []byte) (int, error) {
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.pieces[0])
	if s.pieces[0] = s.pieces[0][n:]; len(s.pieces[0]) == 0 {
		s.pieces = s.pieces[1:]
	}
	if s.abrupt && len(s.pieces) == 0 {
		return n, io.EOF
	}
	return n, nil
}

// model is what framing is to do, said in one line of the standard library.
func model(data []byte, separator byte) [][]byte {
	records := bytes.Split(data, []byte{separator})
	if len(records[len(records)-1]) == 0 {
		records = records[:len(records)-1] // the end of data ends no further record
	}
	return records
}

func limited(records [][]byte, limit int) (short [][]byte, over int) {
	for _, record := range records {
		if len(record) > limit {
			record = nil
			over++
		}
		short = append(short, record)
	}
	return short, over
}

func equal(a, b [][]byte) bool {
	return slices.EqualFunc(a, b, func(a, b []byte) bool {
		return bytes.Equal(a, b) && (a == nil) == (b == nil)
	})
}

// FuzzFraming: in both separators, however the bytes come, no record is lost,
// invented or changed on the way in, to the command, or from it.
func FuzzFraming(f *testing.F) {
	f.Add([]byte("a\nb\n"), []byte{0}, true, false, 100)
	f.Add([]byte("a\x00\n\x00\r\n\x00no end"), []byte{0, 1}, false, true, 100)
	f.Add([]byte("\n\n\n"), []byte{}, true, true, 0)
	f.Add(bytes.Repeat([]byte("0123456789abcde\n"), 300), []byte{255, 3, 200}, true, false, 15)
	f.Add(bytes.Repeat([]byte("x"), 5000), []byte{255}, true, true, 4999)
	f.Fuzz(func(t *testing.T, data, sizes []byte, newline, abrupt bool, limit int) {
		separator := byte(0)
		if newline {
			separator = '\n'
		}
		limit = max(0, limit%(1<<16))
		all := model(data, separator)
		want, over := limited(all, limit)

		in := &scripted{pieces: pieces(slices.Clone(data), sizes), abrupt: abrupt}
		got, err := pipe.Records(in, separator, limit)
		if err != nil || !equal(got, want) {
			t.Fatalf("in: %q, %v, want %q", got, err, want)
		}

		fed, err := io.ReadAll(&scripted{pieces: readPieces(pipe.Feed(all, separator), sizes)})
		if joined := append(bytes.Join(all, []byte{separator}), separator); err != nil || len(all) > 0 && !bytes.Equal(fed, joined) {
			t.Fatalf("to the command: %q, %v, want %q", fed, err, joined)
		}

		for _, output := range [][]byte{data, fed} {
			got, err = pipe.Collect(pieces(output, sizes), separator, limit, len(all))
			switch {
			case over > 0 && !pipe.IsTooLong(err):
				t.Fatalf("from the command: error is %v with %d records over the limit", err, over)
			case over == 0 && (err != nil || !equal(got, want)):
				t.Fatalf("from the command: %q, %v, want %q", got, err, want)
			}
		}
		if len(all) > 0 && over == 0 {
			if got, err := pipe.Collect(pieces(data, sizes), separator, limit, len(all)-1); err == nil {
				t.Fatalf("from the command: %d records taken for %d", len(got), len(all)-1)
			}
		}
	})
}

// readPieces reads r to its end, with buffers of these sizes.
func readPieces(r io.Reader, sizes []byte) (read [][]byte) {
	for i := 0; ; i++ {
		n := 1
		if len(sizes) > 0 {
			n = 1 + int(sizes[i%len(sizes)])
		}
		p := make([]byte, n)
		n, err := r.Read(p)
		read = append(read, p[:n])
		if err != nil {
			return read
		}
	}
}

func TestRecordsAreKept(t *testing.T) {
	var input strings.Builder
	for i := range 20_000 {
		input.WriteString(strings.Repeat(string(rune('a'+i%26)), i%19))
		input.WriteByte('\n')
	}
	got, err := pipe.Records(strings.NewReader(input.String()), '\n', 18)
	if err != nil || len(got) != 20_000 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	for i, record := range got { // only now, when all blocks have been filled
		if want := strings.Repeat(string(rune('a'+i%26)), i%19); string(record) != want {
			t.Fatalf("record %d is %q, want %q", i, record, want)
		}
		_ = append(record, "must not reach the next one"...)
	}
}

func TestReadErrorDropsThePartOfARecord(t *testing.T) {
	broken := errors.New("broken")
	got, err := pipe.Records(io.MultiReader(strings.NewReader("whole\npart"), failing{broken}), '\n', 10)
	if !errors.Is(err, broken) || len(got) != 1 || string(got[0]) != "whole" {
		t.Fatalf("%q, %v, want the whole record and the error", got, err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

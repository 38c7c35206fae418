//go:build unix

package main_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	program "github.com/gobatcher/batcher/cmd/batcher"
)

// sizes is a command that copies its lines, and says on standard error how many.
const sizes = `n=0; while IFS= read -r line; do n=$((n+1)); printf '%s\n' "$line"; done; echo "size $n" >&2`

func TestPipeBySize(t *testing.T) {
	run(numbers(1, 25), "pipe", "--max-size", "10", "--delay", "1h", "--", "sh", "-c", sizes).
		check(t, 0, numbers(1, 25), "size 10\nsize 10\nsize 5\n")
}

func TestPipeByWeight(t *testing.T) {
	run("aaa\nbb\nc\nddddd\ne\n", "pipe", "--max-weight", "5", "--manual", "sh", "-c", sizes).
		check(t, 0, "aaa\nbb\nc\nddddd\ne\n", "size 2\nsize 1\nsize 1\nsize 1\n")
	run("ddddd\neeeeee\n", "pipe", "--max-weight", "5", "--manual", "cat").
		check(t, 1, "ddddd\n", "batcher: line 2: 6 bytes, above --max-weight, which is 5\n")
}

func TestPipeByDelay(t *testing.T) {
	stdin, typing := io.Pipe()
	go io.WriteString(typing, "alone\n")
	stdout, printed := io.Pipe()
	go func() {
		io.ReadFull(stdout, make([]byte, len("alone\n"))) // comes though the input goes on
		typing.Close()
	}()
	if status := program.Run(context.Background(), []string{"pipe", "--delay", "1ms", "cat"}, stdin, printed, io.Discard); status != 0 {
		t.Errorf("status %d", status)
	}
}

func TestPipeLeftOverOfStrictSizeFails(t *testing.T) {
	for _, order := range []string{"--unordered=false", "--unordered=true"} {
		run(numbers(1, 5), "pipe", order, "--min-size", "3", "--max-size", "3", "--strict-size", "cat").
			check(t, 1, numbers(1, 3), "batcher: line 4: left over: fewer lines than --min-size, and --strict-size is set\n"+
				"batcher: line 5: left over: fewer lines than --min-size, and --strict-size is set\n")
	}
}

// TestPipeSharesStandardError has commands that write to it at once.
func TestPipeSharesStandardError(t *testing.T) {
	run(numbers(1, 200), "pipe", "--max-size", "10", "--manual", "--max-concurrent", "8", "sh", "-c", sizes).
		check(t, 0, numbers(1, 200), strings.Repeat("size 10\n", 20))
}

// TestPipeInOrder lets the first batch wait for the end of the second one,
// whose number of process it gets through a FIFO.
func TestPipeInOrder(t *testing.T) {
	fifo := makeFIFO(t)
	run(numbers(1, 4), "pipe", "--max-size", "2", "--manual", "--max-concurrent", "2", "sh", "-c",
		`read first; echo "$first"; cat
		case $first in
		1) read other <"$0"; while kill -0 "$other" 2>/dev/null; do :; done;;
		3) echo $$ >"$0";;
		esac`, fifo).
		check(t, 0, numbers(1, 4), "")
}

// TestPipeUnordered lets the first batch wait until the results of the second
// one are printed.
func TestPipeUnordered(t *testing.T) {
	fifo := makeFIFO(t)
	stdout := &listener{waitFor: "4\n", heard: make(chan struct{})}
	go func() {
		<-stdout.heard
		writeFile(t, fifo, "go on\n")
	}()
	status := program.Run(context.Background(), []string{"pipe", "--unordered", "--max-size", "2", "--manual", "--max-concurrent", "2", "sh", "-c",
		`read first; echo "$first"; cat; [ "$first" = 3 ] || read go <"$0"`, fifo},
		strings.NewReader(numbers(1, 4)), stdout, io.Discard)
	outcome{status, stdout.String(), ""}.check(t, 0, "3\n4\n1\n2\n", "")
}

func TestPipeRecordsAreKeptAsTheyAre(t *testing.T) {
	for name, test := range map[string]struct{ in, out, flag string }{
		"no input":         {"", "", "--null=false"},
		"empty lines":      {"\n\na\n\n", "\n\na\n\n", "--null=false"},
		"no newline":       {"a\nb", "a\nb\n", "--null=false"},
		"carriage returns": {"a\r\n\r\nb\r", "a\r\n\r\nb\r\n", "--null=false"},
		"NUL in lines":     {"a\x00b\n", "a\x00b\n", "--null=false"},
		"NUL":              {"a\nb\x00\x00c\r\n", "a\nb\x00\x00c\r\n\x00", "--null"},
		"NUL short":        {"a\x00b", "a\x00b\x00", "-0"},
	} {
		t.Run(name, func(t *testing.T) {
			run(test.in, "pipe", test.flag, "--manual", "cat").check(t, 0, test.out, "")
		})
	}
}

func TestPipeNoInputRunsNothing(t *testing.T) {
	run("", "pipe", "sh", "-c", "echo ran >&2").check(t, 0, "", "")
}

func TestPipeLongLines(t *testing.T) {
	long := strings.Repeat("long", 1<<20)
	run(long+"\nshort\n"+long, "pipe", "cat").check(t, 0, long+"\nshort\n"+long+"\n", "")
	run(long+"\nshort\n"+long, "pipe", "--max-line", "1000000", "cat").check(t, 1, "short\n",
		"batcher: line 1: longer than --max-line, which is 1000000 bytes\n"+
			"batcher: line 3: longer than --max-line, which is 1000000 bytes\n")
	run("exact\nlonger\n", "pipe", "--max-line", "5", "cat").check(t, 1, "exact\n",
		"batcher: line 2: longer than --max-line, which is 5 bytes\n")
}

// TestPipeBigBatches would hang if the command's output were not read while
// its input is written, or its input had to be read.
func TestPipeBigBatches(t *testing.T) {
	all := numbers(1, 30_000)
	run(all, "pipe", "--max-size", "30000", "--manual", "cat").check(t, 0, all, "")
	run(all, "pipe", "--max-size", "30000", "--manual", "seq", "30000").check(t, 0, all, "")
	run(all, "pipe", "--max-size", "30000", "--manual", "sh", "-c", "seq 30000; cat >/dev/null").check(t, 0, all, "")
}

// TestPipeHugeNumbers has sizes that nothing may be allocated for in advance.
func TestPipeHugeNumbers(t *testing.T) {
	huge := strconv.Itoa(math.MaxInt)
	for _, flags := range [][]string{
		{"--max-size", huge},
		{"--max-size", "0", "--min-size", huge},
		{"--max-pending", huge},
		{"--max-concurrent", huge, "--min-size", "1000"},
		{"--max-line", huge},
		{"--max-weight", huge},
	} {
		run(numbers(1, 3), append(append([]string{"pipe"}, flags...), "cat")...).check(t, 0, numbers(1, 3), "")
	}
}

func TestPipeEndOfContextInterrupts(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	stdin, _ := io.Pipe()
	time.AfterFunc(time.Millisecond, cancel) // whenever: nothing comes in
	var stderr bytes.Buffer
	status := program.Run(ctx, []string{"pipe", "cat"}, stdin, io.Discard, &stderr)
	outcome{status, "", stderr.String()}.check(t, 130, "", "batcher: interrupted (SIGINT): 0 lines read, 0 printed, 0 failed\n")
}

func TestPipeTakesTheCommandsFlagsForItsOwn(t *testing.T) {
	run("a b\n", "pipe", "--manual", "cut", "-d", " ", "-f", "2").check(t, 0, "b\n", "")
	run("a b\n", "pipe", "--manual", "--", "cut", "-d", " ", "-f", "2").check(t, 0, "b\n", "")
}

// TestPipeHoldsNoMoreThanMaxPending pits an endless input against a reader
// that takes a line at a time.
func TestPipeHoldsNoMoreThanMaxPending(t *testing.T) {
	const maxPending = 50
	for _, order := range []string{"--unordered=false", "--unordered=true"} {
		stdin := &endless{full: make(chan struct{}), fullAt: maxPending}
		stdout, printed := io.Pipe()
		status := make(chan int)
		go func() {
			status <- program.Run(context.Background(), []string{"pipe", order, "--max-pending", strconv.Itoa(maxPending), "--max-concurrent", "3", "cat"},
				stdin, printed, io.Discard)
		}()
		<-stdin.full // it takes all that it may
		line := make([]byte, len(endlessLine))
		for taken := range int64(2000) {
			if held := stdin.read.Load() - taken; held > maxPending {
				t.Fatalf("%s: holds %d lines, after %d were taken", order, held, taken)
			}
			if _, err := io.ReadFull(stdout, line); err != nil || string(line) != endlessLine {
				t.Fatalf("%q, %v", line, err)
			}
		}
		stdout.Close()
		if got := <-status; got != 0 {
			t.Errorf("%s: status %d once nobody reads any more", order, got)
		}
	}
}

func TestPipeReadFails(t *testing.T) {
	var stdout, stderr bytes.Buffer
	stdin := io.MultiReader(strings.NewReader("one\ntwo\nthr"), broken{errors.New("the wire is cut")})
	status := program.Run(context.Background(), []string{"pipe", "--manual", "cat"}, stdin, &stdout, &stderr)
	outcome{status, stdout.String(), stderr.String()}.
		check(t, 1, "one\ntwo\n", "batcher: reading standard input: the wire is cut\n")
}

func TestPipeWriteFails(t *testing.T) {
	var stderr bytes.Buffer
	status := program.Run(context.Background(), []string{"pipe", "cat"}, strings.NewReader("one\n"), broken{errors.New("the disk is full")}, &stderr)
	outcome{status, "", stderr.String()}.check(t, 1, "",
		"batcher: writing standard output: the disk is full: 1 lines read, 0 printed, 0 failed; 1 left without an answer: 1\n")
}

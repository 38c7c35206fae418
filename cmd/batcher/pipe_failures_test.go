//go:build unix

package main_test

import (
	"strings"
	"testing"
)

// failed is what is said of lines first to last.
func failed(first, last int, reason string) string {
	var b strings.Builder
	for number := range strings.FieldsSeq(numbers(first, last)) {
		b.WriteString("batcher: line " + number + ": " + reason + "\n")
	}
	return b.String()
}

// TestPipeFailuresStayInTheirBatch runs three batches of two lines, of which
// the second one fails in one way or another.
func TestPipeFailuresStayInTheirBatch(t *testing.T) {
	for name, test := range map[string]struct{ script, stderr string }{
		"status":         {`cat; exit 3`, failed(3, 4, "sh: exit status 3")},
		"own words":      {`echo "no threes" >&2; exit 1`, "no threes\n" + failed(3, 4, "sh: exit status 1")},
		"signal":         {`cat; kill -TERM $$`, failed(3, 4, "sh: signal: terminated")},
		"nothing":        {`cat >/dev/null`, failed(3, 4, "sh: lines printed: 0, expected: 2")},
		"too few":        {`read x; echo $x`, failed(3, 4, "sh: lines printed: 1, expected: 2")},
		"too many":       {`cat; echo one more`, failed(3, 4, "sh: lines printed: over 2, expected: 2")},
		"part too many":  {`cat; printf more`, failed(3, 4, "sh: lines printed: over 2, expected: 2")},
		"empty too many": {`cat; echo`, failed(3, 4, "sh: lines printed: over 2, expected: 2")},
		"endless":        {`exec yes`, failed(3, 4, "sh: lines printed: over 2, expected: 2")},
		"stubborn":       {`trap "" PIPE; yes 2>/dev/null; sleep 1000`, failed(3, 4, "sh: lines printed: over 2, expected: 2")},
		"endless line":   {`exec cat /dev/zero`, failed(3, 4, "sh: printed a line longer than --max-line, which is 1000 bytes")},
		"long line":      {`printf %01001d 0`, failed(3, 4, "sh: printed a line longer than --max-line, which is 1000 bytes")},
	} {
		t.Run(name, func(t *testing.T) {
			script := `read first; if [ "$first" != 3 ]; then echo "$first"; exec cat; fi; ` + test.script
			if strings.Contains(test.script, "cat;") { // the rest is one line
				script = `read first; echo "$first"; if [ "$first" != 3 ]; then exec cat; fi; ` + test.script
			}
			for _, order := range []string{"--unordered=false", "--unordered=true"} {
				run(numbers(1, 6), "pipe", order, "--max-size", "2", "--manual", "--max-line", "1000", "sh", "-c", script).
					check(t, 1, "1\n2\n5\n6\n", test.stderr)
			}
		})
	}
}

func TestPipeTimeout(t *testing.T) {
	run(numbers(1, 2), "pipe", "--manual", "--timeout", "20ms", "sleep", "1000").
		check(t, 1, "", failed(1, 2, "sleep: killed: it ran longer than --timeout"))
}

func TestPipeFewerSlotsThanBatchesAllFail(t *testing.T) {
	o := run(numbers(1, 5000), "pipe", "--max-size", "100", "--manual", "--max-concurrent", "4", "false")
	o.check(t, 1, "", failed(1, 5000, "false: exit status 1"))
}

// TestPipeRefusedLinesMakeRoom has more refused lines than it may hold.
func TestPipeRefusedLinesMakeRoom(t *testing.T) {
	for _, order := range []string{"--unordered=false", "--unordered=true"} {
		run(strings.Repeat("too long\n", 30), "pipe", order, "--max-pending", "2", "--max-line", "3", "cat").
			check(t, 1, "", failed(1, 30, "longer than --max-line, which is 3 bytes"))
	}
}

func TestPipeCommandCannotRun(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir+"/plain", "no program")
	for _, test := range []struct {
		command string
		status  int
	}{
		{"no-such-command", 127},
		{dir + "/none", 127},
		{dir + "/plain", 126},
		{dir, 126},
	} {
		o := run("a line\n", "pipe", test.command)
		o.check(t, test.status, "", o.stderr)
		if !strings.Contains(o.stderr, test.command) {
			t.Errorf("stderr does not name the command:\n%s", o.stderr)
		}
	}
}

func TestPipeUsage(t *testing.T) {
	for _, test := range [][]string{
		{"no command"},
		{"--max-size", "--max-size=x", "cat"},
		{"--max-size", "--max-size=-1", "cat"},
		{"--min-size", "--min-size=-1", "cat"},
		{"--min-size is 20, above --max-size, which is 10", "--min-size=20", "--max-size=10", "cat"},
		{"--min-size is 20, above --max-pending, which is 10", "--min-size=20", "--max-pending=10", "cat"},
		{"--min-size is 20 and strict, above --max-pending, which is 10", "--min-size=20", "--strict-size", "--max-pending=10", "cat"},
		{"--max-weight", "--max-weight=-1", "cat"},
		{"--delay is -1s", "--delay=-1s", "cat"},
		{"--delay", "--delay=5", "cat"},
		{"--manual excludes --delay", "--delay=5s", "--manual", "cat"},
		{"--max-concurrent", "--max-concurrent=0", "cat"},
		{"--max-concurrent", "--max-concurrent=-1", "cat"},
		{"--max-pending", "--max-pending=-1", "cat"},
		{"--max-line", "--max-line=0", "cat"},
		{"--timeout", "--timeout=-1s", "cat"},
		{"--grace", "--grace=-1s", "cat"},
		{"--nope", "--nope", "cat"},
	} {
		run("a line\n", append([]string{"pipe"}, test[1:]...)...).checkUsage(t, test[0])
	}
	run("", "pipe", "--max-line=0", "--grace=-1s", "--max-size=-1", "cat").checkUsage(t, "--max-line", "--grace", "--max-size")
}

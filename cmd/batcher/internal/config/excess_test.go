//go:build unix

package config_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
)

// laughs is a file in which the mapping &a0 is merged, or in which the list &a0
// stands, width times in the next, and so on for depth times.
func laughs(depth, width int, first, each string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "listen: 127.0.0.1:1\nx0: &a0 %s\n", first)
	for i := range depth {
		names := strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), width), ", ")
		fmt.Fprintf(&b, "x%d: &a%d\n  %s[%s]\n", i+1, i+1, each, names)
	}
	return b.String()
}

// many gives lines made of 0, 1 and so on, until n.
func many(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// processorTime is that of this process so far. Unlike time on the clock it does
// not depend on what else the machine does.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// Whatever a file holds, it is read or refused soon, in little memory, and
// without an end of the process.
func TestFilesThatAskForTooMuch(t *testing.T) {
	routes := "upstream: http://up\nroutes:\n"
	for _, c := range []struct{ name, text, want string }{
		{"a long file", strings.Repeat("# nothing\n", 200_000), "batcher.yaml: is longer than 1MiB"},
		{"brackets", "listen: " + strings.Repeat("[", 1_000_000), "batcher.yaml:1:70: nested more than 64 levels deep"},
		{"braces", "admin: " + strings.Repeat("{admin: ", 100_000), "nested more than 64 levels deep"},
		{"items of items", strings.Repeat("- ", 500_000) + "a", "nested more than 64 levels deep"},
		{"indentation", deep(1000), "nested more than 64 levels deep"},
		{"keys on one level", many(100_000, "k%d: 1\n"), "batcher.yaml:4097:1: more than 4096 keys or items on one level"},
		{"items between brackets", "routes: [" + strings.Repeat("a,", 400_000) + "a]", "more than 4096 keys or items on one level"},
		{"tabs", "listen: a\nname: \"" + strings.Repeat("a\t", 500_000), "batcher.yaml:2:1: more than 128 tabs on one line"},
		{"tabs as far as they go", strings.Repeat("# ", 200_000) + "\nlisten: \"" + strings.Repeat("\ta", 128) + strings.Repeat("a", 600_000), "could not find end character"},
		{"blank lines", "listen: |\n" + strings.Repeat("\n", 500_000), "batcher.yaml:130:1: more than 128 blank lines in a row"},
		{"blank lines of another system", "listen: |\r\n" + strings.Repeat(" \r\n", 300_000), "batcher.yaml:130:1: more than 128 blank lines in a row"},
		{"blank lines as far as they go", "name: |\n  " + strings.Repeat("a", 1_000_000) + strings.Repeat("\n", 128), "no such key: name"},
		{"unknown keys", many(4000, "k%d: 1\n"), "batcher.yaml: more than 100 things are wrong; these are some of them\nbatcher.yaml:1:1: no such key: k0;"},
		{"merges of merges", laughs(40, 40, "{listen: a}", "<<: ") + "<<: *a40\nroutes: []\n", "no such key: x0;"},
		{"lists of lists", laughs(40, 40, "[a]", "") + "routes: *a40\n", "routes[0] wants keys, not a list"},
		{"a chain of merges", chain(4000) + routes + "- *c3999\n", "sets more than 8MiB"},
		{"a wide merge", "x: &x\n" + many(4000, " k%d: 1\n") + routes + strings.Repeat("- <<: [*x, *x, *x]\n  protocol: exec\n", 1000), "more than 100 things are wrong"},
		{"a long list, often", routes + "- {protocol: exec, pattern: /0, command: &x [" + strings.Repeat("a,", 1000) + "a]}\n" +
			many(4000, "- {protocol: exec, pattern: /p%d, command: *x}\n"), "sets more than 8MiB"},
		{"a long text, often", routes + "- {protocol: exec, command: [a], name: &x " + strings.Repeat("a", 900_000) + "}\n" +
			many(1000, "- {protocol: exec, pattern: /p%d, name: *x}\n"), "sets more than 8MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := processorTime(t)
			_, err := load(t, c.text, nil)
			took := processorTime(t) - began
			runtime.ReadMemStats(&after)
			var faults config.Faults
			if !errors.As(err, &faults) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %.300v, want %q", err, c.want)
			}
			if took > 20*time.Second {
				t.Errorf("it took %v of processor time", took)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 1<<30 {
				t.Errorf("it took %d bytes", used)
			}
		})
	}
}

// deep nests n keys, a line for each.
func deep(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%*skey:\n", i, "")
	}
	return b.String()
}

// chain is n mappings, each of which merges the one before.
func chain(n int) string {
	var b strings.Builder
	b.WriteString("y:\n- &c0 {k0: 1}\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "- &c%d\n  <<: *c%d\n  k%d: 1\n", i, i-1, i)
	}
	return b.String()
}

// A file without end is read as far as a file may be long.
func TestFileWithoutEnd(t *testing.T) {
	_, err := load(t, "", nil, "--config=/dev/zero")
	if err == nil || err.Error() != "/dev/zero: is longer than 1MiB" {
		t.Errorf("got %v", err)
	}
}

// A mapping that merges itself, straight or by others, is a fault where it does.
func TestMergesOfItself(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"routes:\n  - &r\n    <<: *r\n    pattern: /x\n    protocol: exec\n    command: [cat]\n", "batcher.yaml:3:9: routes[0] merges itself"},
		{"limits: &l\n  <<: *l\n", "batcher.yaml:2:7: limits merges itself"},
		{"limits: &l {<<: *l}\n", "batcher.yaml:1:17: limits merges itself"},
		{"log: &l\n  <<: [*l, *l]\n", "batcher.yaml:2:8: log merges itself\nbatcher.yaml:2:12: log merges itself"},
		{"log: &a\n  <<: &b\n    <<: &c\n      <<: [*b, *a]\n", "batcher.yaml:4:12: log merges itself\nbatcher.yaml:4:16: log merges itself"},
		{"log: &l\n  <<: &m [*m]\n", "batcher.yaml:2:11: log wants keys, not a list"},
		{"&a\n<<: *a\n", "batcher.yaml:2:5: a configuration merges itself"},
		// What holds itself otherwise is of the wrong kind.
		{"listen: &l [*l]\n", "batcher.yaml:1:12: listen wants a text, not a list"},
		{"routes: &r [*r]\n", "batcher.yaml:1:13: routes[0] wants keys, not a list"},
		{"routes:\n- &r {protocol: exec, command: &c [*c]}\n- {protocol: *r}\n", "batcher.yaml:2:6: protocol wants a text, not keys\nbatcher.yaml:2:36: command wants a list of texts, not a list in it"},
		{"admin: &a\n  listen: *a\n", "batcher.yaml:2:3: admin.listen wants a text, not keys"},
		{"listen: &a *a\n", "batcher.yaml:1:12: unexpected scalar value type"},
	} {
		_, err := load(t, c.text, nil)
		if err == nil || err.Error() != c.want {
			t.Errorf("%q:\ngot  %v\nwant %s", c.text, err, c.want)
		}
	}
}

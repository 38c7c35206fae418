package config_test

import (
	"strings"
	"testing"
	"time"
)

// The mark that some editors put before the text is not part of it.
func TestByteOrderMark(t *testing.T) {
	c, err := load(t, "\ufefflisten: 127.0.0.1:1\n"+oneRoute, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:1" {
		t.Errorf("listens on %s", c.Listen)
	}
}

// The same faults, wherever a value is set: in the file, in the environment or
// by a flag.
func TestValuesThatAreNone(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"tracing.ratio", ".nan", `".nan" is not a number from 0 to 1`},
		{"tracing.ratio", "NaN", `"NaN" is not a number from 0 to 1`},
		{"tracing.ratio", "-.inf", `"-.inf" is not a number from 0 to 1`},
		{"tracing.ratio", "0x1p-2", `"0x1p-2" is not a number from 0 to 1`},
		{"limits.connections", "0x10", `"0x10" is not a whole number`},
		{"limits.connections", "010", `"010" is not a whole number`},
		{"limits.connections", "0o10", `"0o10" is not a whole number`},
		{"limits.connections", "1e3", `"1e3" is not a whole number`},
		{"limits.connections", "1_000", `"1_000" is not a whole number`},
		{"limits.connections", "9223372036854775808", `"9223372036854775808" is not a whole number`},
		{"limits.header", "010KiB", `"010KiB" is not a size`},
		{"limits.header", "0x400", `"0x400" is not a size`},
		{"limits.header", "1.5MiB", `"1.5MiB" is not a size`},
		{"limits.header", "8589934592GiB", `"8589934592GiB" is not a size`},
		{"limits.header", "2GiB", "limits.header: must be from 1KiB to 1GiB"},
		{"grace", "-1s", "grace: must not be negative"},
		{"grace", "1d", `"1d" is not a duration`},
		{"grace", "2562048h", `"2562048h" is not a duration`},
		{"upstream", "http://127.0.0.1:99999", `upstream: "http://127.0.0.1:99999" must be http[s]://host[:port][/path]`},
		{"listen", "127.0.0.1:65536", `listen: "127.0.0.1:65536" is not an address`},
		{"nats", "n:65536", "nats: URL 1 of the list must be [nats://]host[:port]"},
	} {
		const routes = "routes: [{protocol: kserve-v1, upstream: 'http://up'}]\n"
		variable := "BATCHER_" + strings.ToUpper(strings.ReplaceAll(c.key, ".", "_"))
		flag := "--" + strings.ReplaceAll(c.key, ".", "-") + "=" + c.value
		outer, inner, nested := strings.Cut(c.key, ".")
		text := routes + c.key + ": " + c.value + "\n"
		if nested {
			text = routes + outer + ":\n  " + inner + ": " + c.value + "\n"
		}
		_, inFile := load(t, text, nil)
		_, inEnvironment := load(t, routes, map[string]string{variable: c.value})
		_, inFlag := load(t, routes, nil, flag)
		for where, err := range map[string]error{"batcher.yaml:": inFile, "environment variable " + variable: inEnvironment, "--": inFlag} {
			if err == nil || !strings.Contains(err.Error(), where) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %s in %s: got %v, want %q", c.key, c.value, where, err, c.want)
			}
		}
	}
}

// Files that are YAML, or nearly, and no configuration.
func TestTextsThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		"listen: a:1\nadmin:\n  probe: /\xff\n":                   "batcher.yaml:3:1: the line is no text in UTF-8",
		"\xff\xfel\x00i\x00":                                      "batcher.yaml:1:1: the line is no text in UTF-8",
		"listen: a\x00:1\n":                                       "batcher.yaml:1:1: the line is no text in UTF-8",
		"upstream: http://up\n\ufefflisten: a:1\n":                `batcher.yaml:2:1: no such key: "\ufefflisten"; there are`,
		"lis\u00a0ten: a:1\n":                                     `batcher.yaml:1:1: no such key: "lis\u00a0ten"; there are`,
		"admin.listen: a:1\n":                                     "batcher.yaml:1:1: no such key: admin.listen; there are",
		"listen: a:1\n\"listen\": b:2\n":                          `batcher.yaml:2:1: mapping key "listen" already defined at [1:1]`,
		"admin: {listen: a:1, listen: b:2}\n":                     `batcher.yaml:1:22: mapping key "listen" already defined`,
		"routes: [{protocol: exec, command: [a], protocol: 3}]\n": `batcher.yaml:1:41: mapping key "protocol" already defined`,
		"listen: a:1\n---\nlisten: b:2\n":                         "batcher.yaml:3:1: ",
		"---\n---\nlisten: b:2\n":                                 "batcher.yaml:2:1: a document before it is empty; there must be one",
		"listen: !!str a:1\n":                                     "batcher.yaml:1:9: listen wants a text, not a tag",
		"a: 1\n---\n# x\n---\nb: 1\n":                             "batcher.yaml:4:1: a document before it is empty",
		"---\n...\nb: 1\n":                                        "batcher.yaml:2:1: a document before it is empty",
		"listen: a:1\n...\nlisten: b:2\n":                         "batcher.yaml:3:1: ",
		"? [a]\n: b\n":                                            "batcher.yaml:2:1: found an invalid key",
		"{}\n":                                                    "batcher.yaml: routes: there are none",
		"3\n":                                                     "batcher.yaml:1:1: a configuration wants keys, not a text",
	} {
		_, err := load(t, text, nil)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

// Line ends of any system are line ends.
func TestLineEnds(t *testing.T) {
	for _, end := range []string{"\n", "\r\n", "\r"} {
		c, err := load(t, strings.ReplaceAll("grace: 3s\nupstream: http://up\nroutes:\n- protocol: kserve-v1\n", "\n", end), nil)
		if err != nil || c.Grace != 3*time.Second || len(c.Routes) != 1 {
			t.Errorf("%q: got %+v, %v", end, c, err)
		}
	}
}

// What says that it is YAML is no document of its own.
func TestDirectives(t *testing.T) {
	c, err := load(t, "%YAML 1.2\n---\nlisten: 127.0.0.1:1\n"+oneRoute, nil)
	if err != nil || c.Listen != "127.0.0.1:1" {
		t.Errorf("got %+v, %v", c, err)
	}
}

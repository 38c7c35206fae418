package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/spf13/pflag"
)

// load loads a file with this text, called batcher.yaml, or no file if it is
// "", with these environment variables and command line arguments.
func load(t *testing.T, text string, env map[string]string, args ...string) (*config.Config, error) {
	t.Helper()
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags := config.NewFlags(set)
	if text != "" {
		t.Chdir(t.TempDir())
		if err := os.WriteFile("batcher.yaml", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config=batcher.yaml")
	}
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	return flags.Load(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
}

const oneRoute = `
upstream: http://up:80
routes: [{protocol: kserve-v1}]
`

func TestDefaultsOfOneRoute(t *testing.T) {
	c, err := load(t, "", nil, "--upstream=http://up", "--protocol=kserve-v1")
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:8080" || c.Admin.Listen != "127.0.0.1:9090" {
		t.Errorf("listens on %s and %s, want loopback", c.Listen, c.Admin.Listen)
	}
	if r := c.Routes; len(r) != 1 || r[0].Pattern != "/" || r[0].Protocol != "kserve-v1" || c.UpstreamURL(r[0]) != "http://up" {
		t.Errorf("got routes %+v", r)
	}
}

// A flag of a list that is given twice adds to it: were the first lost, callers that
// its headers keep apart would share batches. Reading again adds nothing.
func TestListsInSeveralFlags(t *testing.T) {
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags := config.NewFlags(set)
	if err := set.Parse([]string{"--protocol=exec", "--command=sed", "--command", "-u,p", "--headers=X-A", "--headers=X-B, X-C"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c, err := flags.Load(func(string) (string, bool) { return "", false })
		if err != nil {
			t.Fatal(err)
		}
		if r := c.Routes[0]; !slices.Equal(r.Headers, []string{"X-A", "X-B", "X-C"}) || !slices.Equal(r.Command, []string{"sed", "-u", "p"}) {
			t.Errorf("got %q and %q", r.Headers, r.Command)
		}
	}
}

func TestEveryKindOfValue(t *testing.T) {
	c, err := load(t, `
listen: "127.0.0.1:1"
grace: 1m30s
limits: {header: 32KiB, connections: 5}
log:
  access: false
tracing:
  ratio: 0.25
  endpoint: http://otel:4318
routes:
  - pattern: /x
    protocol: exec
    command: [python3, "a b", -u]
    headers: X-A, X-B
    max-body: 1000
    max-pending-bytes: 3 GB
    refuse: true
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := c.Routes[0]
	for what, pair := range map[string][2]any{
		"listen":     {c.Listen, "127.0.0.1:1"},
		"grace":      {c.Grace, 90 * time.Second},
		"header":     {c.Limits.Header, int64(32 << 10)},
		"conns":      {c.Limits.Connections, 5},
		"idle":       {c.Limits.Idle, 2 * time.Minute}, // its default stays
		"access":     {c.Log.Access, false},
		"ratio":      {c.Tracing.Ratio, 0.25},
		"command":    {r.Command, []string{"python3", "a b", "-u"}},
		"headers":    {r.Headers, []string{"X-A", "X-B"}},
		"body":       {r.MaxBody, int64(1000)},
		"pending":    {r.MaxPendingBytes, int64(3e9)},
		"refuse":     {r.Refuse, true},
		"maxPending": {r.MaxPending, 16384}, // its default stays
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s is %v, want %v", what, pair[0], pair[1])
		}
	}
}

func TestAnchorsAndMerges(t *testing.T) {
	c, err := load(t, `
upstream: &up http://up:80
routes:
  - &base
    name: one
    pattern: /one/
    protocol: json-array
    items: /in
    delay: 2ms
  - <<: *base
    name: two
    pattern: /two/
    upstream: *up
  - <<: [*base]
    name: three
    pattern: /three/
    delay: 3ms
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range c.Routes {
		got = append(got, r.Name+" "+r.Items+" "+r.Upstream+" "+r.Delay.String())
	}
	if want := []string{"one /in  2ms", "two /in http://up:80 2ms", "three /in  3ms"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFlagsOverEnvironmentOverFile(t *testing.T) {
	text := oneRoute + "listen: 127.0.0.1:1\nadmin: {listen: 127.0.0.1:2}\ngrace: 3s\n"
	env := map[string]string{"BATCHER_ADMIN_LISTEN": "127.0.0.1:20", "BATCHER_GRACE": "30s", "BATCHER_UPSTREAM_TLS_SERVER_NAME": "up"}
	c, err := load(t, text, env, "--grace", "300s", "--log-access=false")
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:1" || c.Admin.Listen != "127.0.0.1:20" || c.Grace != 300*time.Second || c.Outbound.ServerName != "up" || c.Log.Access {
		t.Errorf("got %+v", c)
	}
}

// faults are configurations that are wrong, and all that is said of them.
var faults = []struct {
	name string
	text string
	want []string // "batcher.yaml:" goes before
}{
	{"no YAML", "a: [1\nb: 2\n", []string{"2:1: ',' or ']' must be specified"}},
	{"a key twice", "listen: a:1\nlisten: b:2\n", []string{`2:1: mapping key "listen" already defined at [1:1]`}},
	{"two documents", oneRoute + "---\nlisten: a:1\n", []string{"5:1: a second document; there must be one"}},
	{"a list", "- a\n", []string{"1:1: a configuration wants keys, not a list"}},
	{"unknown keys, all of them", "lisen: a:1\nadmin: {port: 1}\nroutes: [{protocol: kserve-v1, protocoll: x}]\n", []string{
		"1:1: no such key: lisen; there are listen, upstream, grace, drain-delay, tokens, upstream-token, admin, tls, upstream-tls, limits, log, tracing, store, nats, work, queue, routes",
		"2:9: no such key: port; there are listen, probe",
		"3:32: no such key: protocoll; there are name, pattern, protocol, upstream, command, items, results, headers, refuse, isolate, " +
			"max-items, min-items, max-concurrent, delay, target-time, max-weight, max-batch-bytes, max-pending, max-pending-bytes, max-body, max-answer, timeout"}},
	{"values of the wrong kind", oneRoute + `grace: 30
listen: [a]
admin: 3
limits:
  header: 10 apples
  connections: many
  idle:
log: {access: yes}
tracing: {ratio: 2}
`, []string{
		`4:8: grace: "30" is not a duration such as 250ms, 10s or 1m30s`,
		"5:9: listen wants a text, not a list",
		"6:8: admin wants keys, not a text",
		`8:11: limits.header: "10 apples" is not a size such as 512, 64KiB or 10MiB`,
		`9:16: limits.connections: "many" is not a whole number`,
		"10:8: limits.idle wants a duration, not nothing",
		`11:15: log.access: "yes" is neither true nor false`,
		`12:18: tracing.ratio: "2" is not a number from 0 to 1`}},
	{"routes of the wrong kind", "routes: {a: 1}\n", []string{"1:9: routes wants a list, not keys"}},
	{"lists of the wrong kind", "upstream: http://up\nroutes: [3, {protocol: exec, command: [[a]]}]\n", []string{
		"2:10: routes[0] wants keys, not a text",
		"2:40: command wants a list of texts, not a list in it"}},
	{"no such anchor", "listen: *a\n", []string{"1:9: listen wants a text, not a name that stands for nothing"}},
	{"no routes", "listen: a:1\n", []string{" routes: there are none"}},
	{"wrong common values", oneRoute + `listen: "80"
grace: -1s
tls: {cert: a.pem}
upstream-tls: {key: a.pem}
admin: {probe: healthz}
limits: {header: 1, connections: -1, header-time: 0s, idle: -1s}
log: {level: loud, format: xml}
tracing: {endpoint: "localhost:4318"}
drain-delay: -1s
`, []string{
		`4:9: listen: "80" is not an address such as 127.0.0.1:8080`,
		"5:8: grace: must not be negative",
		"6:13: tls.cert: needs tls.key",
		"7:21: upstream-tls.key: needs upstream-tls.cert",
		`8:16: admin.probe: "healthz" is not a path, it must start with /`,
		"9:18: limits.header: must be from 1KiB to 1GiB",
		"9:34: limits.connections: must not be negative",
		"9:51: limits.header-time: must be over zero",
		"9:61: limits.idle: must be over zero",
		`10:14: log.level: "loud" is none of debug, info, warn, error`,
		`10:28: log.format: "xml" is none of text, json`,
		`11:21: tracing.endpoint: "localhost:4318" must be http[s]://host[:port][/path]`,
		"12:14: drain-delay: must not be negative"}},
	{"one port for both", oneRoute + "listen: a:1\nadmin: {listen: a:1}\ntls: {client-ca: ca.pem}\n", []string{
		"5:17: admin.listen: a:1 is the service port, there must be one of its own",
		"6:18: tls.client-ca: needs tls.cert and tls.key"}},
	{"wrong routes", `
routes:
  - pattern: /a
    upstream: http://up
  - {pattern: /b, protocol: kserve-v9, upstream: "http://up"}
  - {pattern: /c, protocol: kserve-v1}
  - {pattern: /d, protocol: kserve-v1, upstream: "ftp://up"}
  - {pattern: /e, protocol: kserve-v1, upstream: "http://%zz"}
  - {pattern: "GET ", protocol: kserve-v1, upstream: "http://up"}
  - {pattern: /a, name: /c, protocol: kserve-v1, upstream: "http://up"}
`, []string{
		"3:5: protocol: must be one of kserve-v1, oip-v2, openai-embeddings, es-bulk, json-rpc, json-array, exec",
		`5:29: protocol: "kserve-v9" is none of kserve-v1, oip-v2, openai-embeddings, es-bulk, json-rpc, json-array, exec`,
		"6:5: upstream: must be set, for this route or for all",
		`7:50: upstream: "ftp://up" must be http[s]://host[:port][/path]`,
		`8:50: upstream: must be http[s]://host[:port][/path]: invalid URL escape "%zz"`,
		`9:15: pattern: parsing "GET ": at offset 4: host/path missing /`,
		`10:15: pattern: pattern "/a" conflicts with pattern "/a": /a matches the same requests as /a`,
		`10:25: name: "/c" is the name of another route too`}},
	{"methods that nobody uses", "upstream: http://up\nroutes: [{protocol: kserve-v1, pattern: post /a}, {protocol: kserve-v1, pattern: POST /a}]\n", []string{
		`2:41: pattern: method "post" matches nothing: it must be in capitals`}},
	{"headers that cannot matter", "upstream: http://up\nroutes: [{protocol: kserve-v1, headers: [X-Tenant, Host]}]\n", []string{"2:41: headers: names \"Host\", which is no header that can divide batches"}},
	{"no such port", oneRoute + "listen: a:65536\nadmin: {listen: 'a:nope'}\n", []string{
		`4:9: listen: "a:65536" is not an address`, `5:17: admin.listen: "a:nope" is not an address`}},
	{"no such host", oneRoute + "listen: 127.0.0.256:80\nadmin: {listen: 'a b:80'}\n", []string{
		`4:9: listen: "127.0.0.256:80" is not an address`, `5:17: admin.listen: "a b:80" is not an address`}},
	{"no port", oneRoute + "listen: 'a:'\nadmin: {listen: 'a:-1'}\n", []string{
		`4:9: listen: "a:" is not an address`, `5:17: admin.listen: "a:-1" is not an address`}},
	{"upstreams that cannot be", `
upstream: http://127.0.0.1:99999
tracing: {endpoint: "http://:4318"}
routes:
  - {protocol: kserve-v1, pattern: /a, upstream: "http://up:0"}
  - {protocol: kserve-v1, pattern: /b, upstream: "http://up:"}
  - {protocol: kserve-v1, pattern: /c, upstream: "http://1.2.3.400"}
  - {protocol: kserve-v1, pattern: /d, upstream: "http://a,b"}
  - {protocol: kserve-v1, pattern: /e, upstream: "http://up?"}
  - {protocol: kserve-v1, pattern: /f, upstream: "http://up:-1"}
`, []string{
		`2:11: upstream: "http://127.0.0.1:99999" must be http[s]://host[:port][/path]`,
		`3:21: tracing.endpoint: "http://:4318" must be`,
		`5:50: upstream: "http://up:0" must be`,
		`6:50: upstream: "http://up:" must be`,
		`7:50: upstream: "http://1.2.3.400" must be`,
		`8:50: upstream: "http://a,b" must be`,
		`9:50: upstream: "http://up?" must be`,
		`10:50: upstream: must be http[s]://host[:port][/path]: invalid port ":-1" after host`}},
	{"servers that cannot be", oneRoute + "nats: 'n:4222, nats://n:70000, nats://u:secret@:1'\n", []string{
		"4:7: nats: URL 2 of the list must be [nats://]host[:port]",
		"4:7: nats: URL 3 of the list must be [nats://]host[:port]"}},
	{"servers of another protocol", oneRoute + "nats: 'tls://n, ws://n, wss://n, NATS://n, http://u:secret@n'\n", []string{
		`4:7: nats: URL 5 of the list has the scheme "http", which is none of nats, tls, ws, wss`}},
	{"one port for two", oneRoute + "listen: 0.0.0.0:8080\nadmin: {listen: '127.0.0.1:8080'}\nstore: s\nqueue: {listen: '127.0.0.1:http-alt'}\n", []string{
		"5:17: admin.listen: 0.0.0.0:8080 is the service port, there must be one of its own", "7:17: queue.listen: 127.0.0.1:http-alt is another port of this process"}},
	{"a queue for all", oneRoute + "store: s\nqueue: {listen: ':4222'}\n", []string{"5:17: queue.listen: :4222 is not on loopback"}},
	{"the name of the queue for later", "store: s\nupstream: http://up\nroutes: [{protocol: kserve-v1, name: (later)}]\n", []string{"3:38: name: \"(later)\" is the name of the queue of requests with Prefer"}},
	{"a header without end", oneRoute + "limits: {header: 1073741825}\n", []string{"4:18: limits.header: must be from 1KiB to 1GiB"}},
	{"keys for another protocol", "upstream: http://up\nroutes: [{protocol: kserve-v1, items: /a, results: /b, command: [c]}]\n", []string{
		"2:39: items: is for protocol json-array alone",
		"2:52: results: is for protocol json-array alone",
		"2:65: command: is for protocol exec alone"}},
	{"programs", "upstream: http://up\nroutes: [{protocol: exec, upstream: 'http://up', max-concurrent: -1}]\n", []string{
		"2:10: command: must be set for protocol exec",
		"2:37: upstream: protocol exec has a command instead",
		"2:66: max-concurrent: must not be negative: it is the number of processes"}},
	{"a program without a name", "routes: [{protocol: exec, command: ['', x]}]\n", []string{"1:36: command: its first item, the program, is empty"}},
	{"pointers", "upstream: http://up\nroutes: [{protocol: json-array, items: a}, {pattern: /b, protocol: json-array, results: b}]\n", []string{
		"2:40: items: ", "2:89: results: "}},
	{"a pattern with a scheme", "upstream: http://up\nroutes: [{protocol: kserve-v1, pattern: 'http://h/b'}]\n", []string{
		`2:41: pattern: "http://h/b" matches nothing: a host stands there without http://`}},
	{"limits that contradict", "upstream: http://up\nroutes: [{protocol: kserve-v1, max-items: 10, min-items: 20, max-pending: 5, max-pending-bytes: 5, delay: -1s, target-time: -1s}, {protocol: kserve-v1, pattern: /b, min-items: -1}]\n", []string{
		"2:58: min-items: is 20, above max-items",
		"2:75: max-pending: is 5, ",
		"2:97: max-pending-bytes: is 5, ",
		"2:107: delay: is -1s, must not be negative",
		"2:125: target-time: is -1s, must not be negative",
		"2:177: min-items: is -1, must not be negative"}},
}

func TestFaults(t *testing.T) {
	for _, c := range faults {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.text, nil)
			var got config.Faults
			if !errors.As(err, &got) {
				t.Fatalf("got %v, want faults", err)
			}
			if len(got) != len(c.want) {
				t.Errorf("got %d faults, want %d:\n%v", len(got), len(c.want), err)
			}
			for i, line := range strings.Split(err.Error(), "\n") {
				if i < len(c.want) && !strings.HasPrefix(strings.TrimPrefix(line, "batcher.yaml:"), c.want[i]) {
					t.Errorf("got  %s\nwant batcher.yaml:%s", line, c.want[i])
				}
			}
		})
	}
}

// A variable that was to be filled in and is empty takes nothing away; a flag does.
func TestAnEmptyVariableSetsNothing(t *testing.T) {
	env := map[string]string{"BATCHER_TOKENS": "", "BATCHER_GRACE": "", "BATCHER_LISTEN": ""}
	c, err := load(t, "tokens: file\ngrace: 3s\n"+oneRoute, env)
	if err != nil || c.Tokens != "file" || c.Grace != 3*time.Second || c.Listen != "127.0.0.1:8080" {
		t.Errorf("got tokens %q, grace %v, listen %q, %v", c.Tokens, c.Grace, c.Listen, err)
	}
	if c, err = load(t, "tokens: file\n"+oneRoute, env, "--tokens="); err != nil || c.Tokens != "" {
		t.Errorf("with a flag: tokens %q, %v", c.Tokens, err)
	}
}

func TestFaultsOutsideOfAFile(t *testing.T) {
	for _, c := range []struct {
		text string
		env  map[string]string
		args []string
		want string
	}{
		{"", nil, nil, "no configuration: give --config FILE, or --protocol NAME with --upstream URL or --command PROGRAM"},
		{"", map[string]string{"BATCHER_UPSTREAM": "http://up"}, nil, "without --config: protocol: must be one of kserve-v1"},
		{"", nil, []string{"--protocol=kserve-v1"}, "without --config: upstream: must be set, for this route or for all"},
		{"", nil, []string{"--protocol=kserve-v1", "--upstream=127.0.0.1:8501"}, "--upstream: upstream: must be http[s]://host[:port][/path]: first path"},
		{"", nil, []string{"--protocol=kserve-v1", "--upstream=up"}, `--upstream: upstream: "up" must be http[s]://`},
		{"", nil, []string{"--protocol=nope", "--upstream=http://up"}, `--protocol: protocol: "nope" is none of`},
		{oneRoute, nil, []string{"--delay=1s"}, "--delay: is for one route without a file; with --config the routes are in the file"},
		{oneRoute, map[string]string{"BATCHER_GRACE": "soon"}, nil, `environment variable BATCHER_GRACE: "soon" is not a duration`},
		{oneRoute, map[string]string{"BATCHER_LOG_LEVEL": "loud"}, nil, `environment variable BATCHER_LOG_LEVEL: log.level: "loud" is none of`},
		{oneRoute, nil, []string{"--grace=soon"}, `"soon" is not a duration`},
	} {
		_, err := load(t, c.text, c.env, c.args...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v %v: got %v, want %q", c.env, c.args, err, c.want)
		}
	}
}

func TestNoSuchFile(t *testing.T) {
	if _, err := load(t, "", nil, "--config", filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want os.ErrNotExist", err)
	}
}

// An empty file says nothing, so the environment may say it all but the routes.
func TestEmptyFile(t *testing.T) {
	_, err := load(t, "# nothing\n", nil)
	if err == nil || err.Error() != "batcher.yaml: routes: there are none" {
		t.Errorf("got %v", err)
	}
}

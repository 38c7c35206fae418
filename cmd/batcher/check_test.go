package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// written writes batcher.yaml into a folder of its own, and gives its name.
func written(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "batcher.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestCheckSaysWhatRoutesDo(t *testing.T) {
	run("", "check", "--config", written(t, `
listen: 0.0.0.0:80
upstream: http://models:8501
routes:
  - name: models
    pattern: /v1/models/
    protocol: kserve-v1
    headers: [X-Tenant]
    max-items: 32
    isolate: true
  - name: embeddings
    pattern: POST /v1/embeddings
    protocol: openai-embeddings
    upstream: http://embed:80
    delay: 5ms
    max-concurrent: 4
    target-time: 100ms
    refuse: true
    max-batch-bytes: -1
  - name: words
    pattern: /words
    protocol: exec
    command: [python3, words.py]
    min-items: 8
    max-weight: 3
    max-items: -1
  - name: rows
    pattern: /rows
    protocol: json-array
    min-items: 8
    delay: 20ms
    max-concurrent: -1
`)).check(t, 0, `The service port is 0.0.0.0:80, without TLS, for anyone who can reach it.
The admin port is 127.0.0.1:9090, with /healthz, /readyz and /metrics.
Requests are kept in memory alone, until they are answered.

Route models
  Requests for /v1/models/ that are calls of kserve-v1 are batched: KServe V1 and TensorFlow Serving: POST …:predict with instances, answered with predictions.
  All others that match are passed through.
  Batches go to http://models:8501, one at a time.
  Requests share a batch only if they are equal in method, path, query, Authorization, Origin and X-Tenant, and all of the body but the items.
  A batch takes the first upstream call that is free; a lone request waits for nothing.
  A batch holds up to 32 items and 16MiB of items.
  A batch that fails for what may be one item's fault is sent again in parts, by whole calls, until each culprit is alone.
  A caller that waits longer than 30s gets status 504.
  A body longer than 8MiB gets status 413.
  A call that arrives while 16384 items wait or are processed gets status 429.
  A call that arrives while requests of 256MiB wait or are processed gets status 429.
  A batch whose answer is longer than 64MiB fails with status 502.

Route embeddings
  Requests for POST /v1/embeddings that are calls of openai-embeddings are batched: OpenAI's embeddings: POST …/embeddings with input, answered with data and usage. The weight is tokens.
  All others that match are answered with status 404.
  Batches go to http://embed:80, up to 4 at once.
  Requests share a batch only if they are equal in method, path, query, Authorization and Origin, and all of the body but the items.
  A batch goes when it is full, or 5ms after its first item.
  A batch holds up to 2048 items, a weight up to 300000 and fewer if a call would take longer than 100ms.
  A caller that waits longer than 30s gets status 504.
  A body longer than 8MiB gets status 413.
  A call that arrives while 16384 items wait or are processed gets status 429.
  A call that arrives while requests of 256MiB wait or are processed gets status 429.
  A batch whose answer is longer than 64MiB fails with status 502.

Route words
  Requests for /words that are calls of exec are batched: A program in any language in place of an HTTP upstream: an array of items a line in, an array of results a line out; see the key command.
  All others that match are answered with status 404.
  Batches go to the program python3 words.py, one at a time.
  Requests share a batch only if they are equal in method, path, query, Authorization and Origin, and all of the body but the items.
  A batch of 8 items takes the first upstream call that is free, a smaller one 10ms after its first item.
  A batch holds a weight up to 3 and 16MiB of items.
  A caller that waits longer than 30s gets status 504.
  A body longer than 8MiB gets status 413.
  A call that arrives while 16384 items wait or are processed gets status 429.
  A call that arrives while requests of 256MiB wait or are processed gets status 429.
  A batch whose answer is longer than 64MiB fails with status 502.

Route rows
  Requests for /rows that are calls of json-array are batched: Any endpoint that takes an array somewhere in a JSON body and answers with one somewhere in another: see the keys items and results.
  All others that match are passed through.
  Batches go to http://models:8501, as many at once as there are.
  Requests share a batch only if they are equal in method, path, query, Authorization and Origin, and all of the body but the items.
  A batch of 8 items takes the first upstream call that is free, a smaller one 20ms after its first item.
  A batch holds up to 64 items and 16MiB of items.
  A caller that waits longer than 30s gets status 504.
  A body longer than 8MiB gets status 413.
  A call that arrives while 16384 items wait or are processed gets status 429.
  A call that arrives while requests of 256MiB wait or are processed gets status 429.
  A batch whose answer is longer than 64MiB fails with status 502.

What matches no route is passed through to http://models:8501.
`, "")
}

func TestCheckOneRoute(t *testing.T) {
	o := run("", "check", "--protocol=exec", "--command=cat", "--admin-listen=off", "--tokens", written(t, "one\n"))
	if o.status != 0 || o.stderr != "" {
		t.Errorf("status %d, stderr %q", o.status, o.stderr)
	}
	for _, want := range []string{"for callers with a token in /", "There is no admin port.\n", "Route /\n", "the program cat", "answered with status 404.\n"} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("stdout lacks %q:\n%s", want, o.stdout)
		}
	}
}

// Writes of all kinds, to any index, meet in POST /_bulk.
func TestCheckBulk(t *testing.T) {
	o := run("", "check", "--protocol=es-bulk", "--upstream=http://es:9200")
	if want := "share a batch only if they are equal in Authorization and Origin, and in what concerns a whole bulk, such as refresh.\n"; !strings.Contains(o.stdout, want) {
		t.Errorf("stdout lacks %q:\n%s%s", want, o.stdout, o.stderr)
	}
}

// With one item that is enough, a delay does not hold it back.
func TestCheckOneItemIsEnough(t *testing.T) {
	o := run("", "check", "--protocol=exec", "--command=cat", "--min-items=1", "--delay=300ms")
	if want := "A batch takes the first upstream call that is free; a lone request waits for nothing.\n"; !strings.Contains(o.stdout, want) {
		t.Errorf("stdout lacks %q:\n%s%s", want, o.stdout, o.stderr)
	}
}

// A size that is no multiple of a unit is in bytes.
func TestCheckTellsTheUnitOfASize(t *testing.T) {
	o := run("", "check", "--protocol=exec", "--command=cat", "--max-body=10MB")
	if want := "A body longer than 10000000 bytes gets status 413.\n"; !strings.Contains(o.stdout, want) {
		t.Errorf("stdout lacks %q:\n%s%s", want, o.stdout, o.stderr)
	}
}

// A delay that no caller outlasts is allowed, for batches that fill, but not passed over.
func TestCheckDelayAsLongAsTimeout(t *testing.T) {
	const said = "gets status 504, even if its batch still waits for the delay.\n"
	for args, want := range map[string]bool{
		"--delay=30s":               true,
		"--delay=2s --timeout=1s":   true,
		"--delay=29s":               false,
		"--delay=30s --timeout=-1s": false,
		"--delay=30s --min-items=1": false,
		"--delay=2s --min-items=2":  false,
		"--delay=30s --min-items=2": true,
	} {
		o := run("", append([]string{"check", "--protocol=exec", "--command=cat"}, strings.Fields(args)...)...)
		if strings.Contains(o.stdout, said) != want || o.status != 0 {
			t.Errorf("check %s ends with %d: %s%s", args, o.status, o.stdout, o.stderr)
		}
	}
}

// A file that is named without its flag gets an error that names the flag.
func TestFileWithoutItsFlag(t *testing.T) {
	for _, verb := range [][]string{{"check"}, {"serve"}, {"worker"}, {"dlq", "list"}} {
		run("", append(verb, "batcher.yaml")...).checkUsage(t, verb[len(verb)-1]+`: unexpected "batcher.yaml"`, "--config")
	}
}

// A command may be written with spaces, as for a shell; the error says how to write
// it.
func TestCheckCommandWithSpaces(t *testing.T) {
	run("", "check", "--protocol=exec", "--command=sed -u").check(t, 1, "",
		"--command: command: exec: \"sed -u\": executable file not found in $PATH; arguments are items of the list, or follow a comma\n")
}

// Every fault is on a line of its own, which begins with the place.
func TestCheckFinds(t *testing.T) {
	name := written(t, "lisen: a:1\nroutes:\n  - protocol: kserve-v1\n    delay: soon\n")
	run("", "check", "--config", name).check(t, 1, "", name+`:1:1: no such key: lisen; there are listen, upstream, grace, drain-delay, tokens, upstream-token, admin, tls, upstream-tls, limits, log, tracing, store, nats, work, queue, routes
`+name+`:4:12: delay: "soon" is not a duration such as 250ms, 10s or 1m30s
`)
}

// A name that metrics cannot have would fail every request.
func TestCheckNames(t *testing.T) {
	run("", "check", "--upstream=http://up", "--protocol=kserve-v1", "--name=\xff").check(t, 1, "", "--name: name: \"\\xff\" is no UTF-8\n")
}

func TestCheckOpensFiles(t *testing.T) {
	name := written(t, "upstream: http://up\ntokens: /none\nroutes: [{protocol: kserve-v1}]\n")
	run("", "check", "--config", name).check(t, 1, "", name+":2:9: tokens: open /none: no such file or directory\n")
	run("", "check", "--config", "/none").check(t, 1, "", "batcher: open /none: no such file or directory\n")
}

func TestCheckSaysWhatIsKept(t *testing.T) {
	for args, want := range map[string]string{
		"--store=/data":                     "through a queue in /data; with Prefer: respond-async",
		"--nats=nats://me:secret@n,token@m": "through a queue at nats://n,nats://m, and meet there",
		"--nats=nats://n":                   "through a queue at nats://n, and meet there with those of other gateways; this one asks the upstreams too.",
		"--nats=nats://n --work=false":      "the upstreams are asked by others.",
		"--admin-listen=127.0.0.1:9999":     "kept in memory alone",
	} {
		o := run("", append([]string{"check", "--protocol=exec", "--command=cat"}, strings.Fields(args)...)...)
		if o.status != 0 || !strings.Contains(o.stdout, want) {
			t.Errorf("%s: status %d, %s%s", args, o.status, o.stdout, o.stderr)
		}
	}
}

// A program is looked for where it will run: not by a gateway that leaves the
// work to others.
func TestCheckLooksForPrograms(t *testing.T) {
	const routes = "routes:\n  - protocol: exec\n    command: [/none/prog]\n"
	name := written(t, routes)
	run("", "check", "--config", name).check(t, 1, "", name+`:3:14: command: exec: "/none/prog": stat /none/prog: no such file or directory`+"\n")
	name = written(t, routes+"nats: nats://127.0.0.1:4222\nwork: false\n")
	if r := run("", "check", "--config", name); r.status != 0 {
		t.Errorf("got %+v", r)
	}
}

// A limit of zero is the default, a negative one is none.
func TestCheckSaysWhichLimitsHold(t *testing.T) {
	lines := []string{
		"and 16MiB of items.", "longer than 30s gets", "A body longer than 8MiB gets",
		"while 16384 items wait", "while requests of 256MiB wait", "answer is longer than 64MiB fails",
	}
	for value, holds := range map[string]bool{"0": true, "-1": false} {
		o := run("", "check", "--config", written(t, `
routes:
  - protocol: exec
    command: [cat]
    max-concurrent: 0
    timeout: `+value+`s
    max-body: `+value+`
    max-pending: `+value+`
    max-pending-bytes: `+value+`
    max-batch-bytes: `+value+`
    max-answer: `+value+`
`))
		if o.status != 0 {
			t.Errorf("%s: status %d, %s", value, o.status, o.stderr)
		}
		for _, line := range lines {
			if strings.Contains(o.stdout, line) != holds {
				t.Errorf("%s: %q is said: %v, want %v", value, line, !holds, holds)
			}
		}
		if !strings.Contains(o.stdout, "program cat, one at a time.") {
			t.Errorf("%s: nothing says %q", value, "program cat, one at a time.")
		}
	}
}

// A failed write is not an error of usage.
func TestCheckWhereNothingCanBeWritten(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	cmd := exec.Command(built, "check", "--protocol=kserve-v1", "--upstream=http://127.0.0.1:1")
	cmd.Stdout = full
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("%v", err)
	}
}

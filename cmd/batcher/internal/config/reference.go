package config

import (
	"fmt"
	"strings"
)

// Reference returns the reference page of the configuration, in Markdown.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, p := range protocols {
		fmt.Fprintf(&b, "| `%s` | %s |\n", p.name, p.text)
	}
	c := Default()
	b.WriteString(referenceCommon)
	for _, k := range c.keys() {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` `--%s` | %s |\n", k.name, k.initial(), k.env(), k.flag(), k.text)
	}
	r := defaultRoute()
	b.WriteString(referenceRoutes)
	for _, k := range r.keys() {
		fmt.Fprintf(&b, "| `%s` | %s | `--%s` | %s |\n", k.name, k.initial(), k.flag(), k.text)
	}
	b.WriteString(referenceExample)
	return b.String()
}

// initial returns what kind of value the key takes, and its default.
func (k key) initial() string {
	kind := k.value.Type()
	if kind == yesType {
		kind = "true or false"
	}
	if said := k.value.String(); said != "" {
		return kind + ", `" + said + "`"
	}
	return kind + ", empty"
}

const referenceHead = `# Reference of the gateway's configuration

This page is generated from the program by ` + "`go generate`" + `, and a test keeps it up to date. How to run the gateway is in [gateway](gateway.md).

` + "`batcher serve --config FILE`" + ` reads a file in YAML. ` + "`batcher check --config FILE`" + ` says what is wrong with it, with line and column, and what it does. Each key has a flag. A key outside of ` + "`routes`" + ` has an environment variable too; ` + "`serve` and `check`" + ` name other variables that begin with ` + "`BATCHER_`" + `, except those that Kubernetes sets for a Service, but go on. A flag overrides the environment variable, which overrides the file; an empty variable sets nothing. Without a file, the flags of a route define the only one.

A duration is written as ` + "`250ms`, `10s` or `1m30s`" + `, a size as ` + "`512`, `64KiB` or `10MiB`" + `. A relative path of a file is that from the directory where the program was started. A list is a YAML sequence, or one text with commas; its flag can be given several times. A negative limit of a route means no limit, and 0 its default, unless the key says otherwise. A file has at most 1 MiB, 64 levels, 4096 keys or items on one level and 128 blank lines in a row, and sets at most 8 MiB of keys and values, including what its aliases stand for. One that ` + "`tokens`, `upstream-token`, `tls` or `upstream-tls`" + ` names has at most 1 MiB too.

## Protocols

| name | what it batches |
| :--- | :--- |
`

const referenceCommon = `
## Keys

A dot stands for nesting: ` + "`admin.listen` is `listen` under `admin`" + `.

| key | kind, default | variable, flag | meaning |
| :--- | :--- | :--- | :--- |
`

const referenceRoutes = `
## Keys of a route

` + "`routes`" + ` is a list. Each route has these keys:

| key | kind, default | flag | meaning |
| :--- | :--- | :--- | :--- |
`

const referenceExample = `
## Example

` + "```yaml" + `
listen: 127.0.0.1:8080
admin:
  listen: 127.0.0.1:9090
  probe: /healthz
routes:
  - name: models
    pattern: /v1/models/
    protocol: kserve-v1
    upstream: http://127.0.0.1:8501
    max-items: 32
    max-concurrent: 2
    headers: [X-Tenant]
  - name: embeddings
    pattern: POST /v1/embeddings
    protocol: openai-embeddings
    upstream: http://127.0.0.1:8600
    delay: 5ms
  - name: words
    pattern: /words
    protocol: exec
    command: [python3, words.py]
` + "```" + `
`

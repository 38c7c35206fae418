//go:build unix

package main_test

import (
	"fmt"
	"testing"
	"time"
)

// A timeout of zero is the default, and those who came before a reload have it.
func TestServeReloadKeepsWhoWaitsForTheDefaultTimeout(t *testing.T) {
	u := startUpstream(t)
	const routes = "grace: 1ms\nupstream: %s\nroutes:\n  - {protocol: kserve-v1, timeout: 0s, max-items: %d}\n"
	name := file(t, "batcher.yaml", fmt.Sprintf(routes, u.URL, 10))
	g := startGate(t, "--config", name)
	answer := g.waiting(u, 1)
	replaceFile(t, name, fmt.Sprintf(routes, u.URL, 9))
	g.counts(reloaded, 1)
	time.Sleep(1200 * time.Millisecond) // over the second in which what has timed out is answered
	u.release()
	r := <-answer
	r.want(t, 1)
}

// A file that would take a stack or a memory without end leaves the gateway as it is.
func TestServeReloadOfAFileThatMergesItself(t *testing.T) {
	u := startUpstream(t)
	name := file(t, "batcher.yaml", configuration(u.URL, 10))
	g := startGate(t, "--config", name)
	replaceFile(t, name, "routes:\n  - &r\n    <<: *r\n    pattern: /x\n    protocol: exec\n    command: [cat]\n")
	g.counts(`batcher_config_reloads_total{ok="false"}`, 1)
	g.hears(`msg="the configuration is not taken over; the one before stays" err="\S+batcher.yaml:3:9: routes\[0\] merges itself"`)
	g.predict(1).want(t, 1)
}

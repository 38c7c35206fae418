package config

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Describe says in words what c does. Load must have found nothing wrong with it.
func (c *Config) Describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "The service port is %s, %s, for %s.\n", c.Listen, c.TLS.words(), c.callers())
	if c.Admin.Listen == Off {
		b.WriteString("There is no admin port.\n")
	} else {
		fmt.Fprintf(&b, "The admin port is %s, with /healthz, /readyz and /metrics.\n", c.Admin.Listen)
	}
	b.WriteString(c.durability())
	for _, r := range c.Routes {
		fmt.Fprintf(&b, "\nRoute %s\n", r.Label())
		for _, line := range c.route(r) {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	fmt.Fprintf(&b, "\nWhat matches no route is %s.\n", c.fallback())
	return b.String()
}

// durability says what is kept where, and who asks the upstreams.
func (c *Config) durability() string {
	at := strings.Join(c.Servers(), ",")
	switch {
	case !c.Durable():
		return "Requests are kept in memory alone, until they are answered.\n"
	case c.Store != "":
		return "Requests go through a queue in " + c.Store + "; with Prefer: respond-async and an Idempotency-Key they outlive the process.\n"
	case c.Work:
		return "Requests go through a queue at " + at + ", and meet there with those of other gateways; this one asks the upstreams too.\n"
	}
	return "Requests go through a queue at " + at + ", and meet there with those of other gateways; the upstreams are asked by others.\n"
}

func (t TLS) words() string {
	switch {
	case t.Cert == "":
		return "without TLS"
	case t.ClientCA == "":
		return "with TLS"
	}
	return "with TLS and clients' certificates"
}

func (c *Config) callers() string {
	if c.Tokens == "" {
		return "anyone who can reach it"
	}
	return "callers with a token in " + c.Tokens
}

func (c *Config) fallback() string {
	if c.Upstream == "" {
		return "answered with status 404"
	}
	return "passed through to " + c.Upstream
}

// route says what one route does, one thing a line.
func (c *Config) route(r Route) (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	p, _ := r.find()
	add("Requests for %s that are calls of %s are batched: %s", r.Pattern, r.Protocol, p.text)
	if r.Refuse || r.Protocol == exec {
		add("All others that match are answered with status 404.")
	} else {
		add("All others that match are passed through.")
	}
	add("Batches go to %s, %s.", c.target(r), r.slots())
	add("Requests share a batch only if they are equal in %s.", r.alike())
	add("%s", r.start())
	add("A batch holds %s.", r.full())
	if r.Isolate {
		add("A batch that fails for what may be one item's fault is sent again in parts, by whole calls, until each culprit is alone.")
	}
	if r.Timeout > 0 && r.Delay >= r.Timeout && r.MinItems != 1 {
		add("A caller that waits longer than %s gets status 504, even if its batch still waits for the delay.", formatDuration(r.Timeout))
	} else if r.Timeout > 0 {
		add("A caller that waits longer than %s gets status 504.", formatDuration(r.Timeout))
	}
	if r.MaxBody > 0 {
		add("A body longer than %s gets status 413.", inWords(r.MaxBody))
	}
	if r.MaxPending > 0 {
		add("A call that arrives while %d items wait or are processed gets status 429.", r.MaxPending)
	}
	if r.MaxPendingBytes > 0 {
		add("A call that arrives while requests of %s wait or are processed gets status 429.", inWords(r.MaxPendingBytes))
	}
	if r.MaxAnswer > 0 {
		add("A batch whose answer is longer than %s fails with status 502.", inWords(r.MaxAnswer))
	}
	return lines
}

func (c *Config) target(r Route) string {
	if r.Protocol == exec {
		return "the program " + strings.Join(r.Command, " ")
	}
	return c.UpstreamURL(r)
}

func (r Route) slots() string {
	switch {
	case r.MaxConcurrent < 0:
		return "as many at once as there are"
	case r.MaxConcurrent <= 1:
		return "one at a time"
	}
	return fmt.Sprintf("up to %d at once", r.MaxConcurrent)
}

// alike says what the requests of a batch have in common.
func (r Route) alike() string {
	headers := sentence(append([]string{"Authorization", "Origin"}, r.Headers...))
	if r.Protocol == esBulk { // POST /_bulk takes writes of all kinds, to any index
		return headers + ", and in what concerns a whole bulk, such as refresh"
	}
	return "method, path, query, " + headers + ", and all of the body but the items"
}

// start says when a batch goes.
func (r Route) start() string {
	switch {
	case r.MinItems == 1 || r.MinItems == 0 && r.Delay == 0: // one that is enough does not wait for the delay
		return "A batch takes the first upstream call that is free; a lone request waits for nothing."
	case r.MinItems > 0:
		return fmt.Sprintf("A batch of %d items takes the first upstream call that is free, a smaller one %s after its first item.",
			r.MinItems, formatDuration(cmp.Or(r.Delay, 10*time.Millisecond)))
	}
	return fmt.Sprintf("A batch goes when it is full, or %s after its first item.", formatDuration(r.Delay))
}

// full says what a batch holds at most.
func (r Route) full() string {
	made, _ := r.Gateway(checked{})
	made = made.WithDefaults() // those of the protocol
	var limits []string
	if made.MaxItems > 0 {
		limits = append(limits, fmt.Sprintf("up to %d items", made.MaxItems))
	}
	if made.MaxWeight > 0 {
		limits = append(limits, fmt.Sprintf("a weight up to %d", made.MaxWeight))
	}
	if r.MaxBatchBytes > 0 {
		limits = append(limits, inWords(r.MaxBatchBytes)+" of items")
	}
	if r.TargetTime > 0 {
		limits = append(limits, "fewer if a call would take longer than "+formatDuration(r.TargetTime))
	}
	if len(limits) == 0 {
		return "as many items as there are"
	}
	return sentence(limits)
}

// inWords returns a size for a reader, who may not know what a mere number counts.
func inWords(size int64) string {
	text := formatSize(size)
	if last := text[len(text)-1]; '0' <= last && last <= '9' {
		text += " bytes"
	}
	return text
}

// sentence joins parts as a sentence does.
func sentence(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	last := len(parts) - 1
	return strings.Join(parts[:last], ", ") + " and " + parts[last]
}

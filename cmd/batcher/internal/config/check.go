package config

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gobatcher/batcher/gateway"
)

// checker collects what is wrong with a configuration that could be read.
type checker struct {
	c      *Config
	faults Faults
}

// Fault returns a fault of the key of this name, at the place where it was set.
func (c *Config) Fault(name, format string, args ...any) Fault {
	f, ok := c.at[name]
	if !ok { // it was not set: the place is where it is missing
		if parent, _, nested := strings.Cut(name, "]."); nested {
			f = c.at[parent+"]"]
		} else {
			f = c.at[wholeFile]
		}
	}
	_, key, nested := strings.Cut(name, "].")
	if !nested {
		key = name
	}
	f.Text = key + ": " + fmt.Sprintf(format, args...)
	return f
}

func (k *checker) fault(wrong bool, name, format string, args ...any) {
	if wrong {
		k.faults = append(k.faults, k.c.Fault(name, format, args...))
	}
}

// check returns everything that is wrong and can be found without opening a file
// or a connection.
func (c *Config) check() Faults {
	k := checker{c: c}
	k.address("listen", c.Listen)
	if c.Admin.Listen != Off {
		k.address("admin.listen", c.Admin.Listen)
		k.fault(clash(c.Admin.Listen, c.Listen), "admin.listen", "%s is the service port, there must be one of its own", c.Listen)
	}
	k.fault(c.Admin.Probe != "" && !strings.HasPrefix(c.Admin.Probe, "/"), "admin.probe", "%q is not a path, it must start with /", c.Admin.Probe)
	_, err := url.Parse("http://host" + c.Admin.Probe)
	k.fault(err != nil && strings.HasPrefix(c.Admin.Probe, "/"), "admin.probe", "%q is not a path", c.Admin.Probe)
	k.upstream("upstream", c.Upstream)
	k.pair("tls.cert", c.TLS.Cert, "tls.key", c.TLS.Key)
	k.pair("upstream-tls.cert", c.Outbound.Cert, "upstream-tls.key", c.Outbound.Key)
	k.fault(c.TLS.ClientCA != "" && c.TLS.Cert == "", "tls.client-ca", "needs tls.cert and tls.key")
	k.fault(c.Grace < 0, "grace", "must not be negative")
	k.fault(c.DrainDelay < 0, "drain-delay", "must not be negative")
	k.fault(c.Limits.Header < 1<<10 || c.Limits.Header > 1<<30, "limits.header", "must be from 1KiB to 1GiB")
	k.fault(c.Limits.Connections < 0, "limits.connections", "must not be negative")
	k.fault(c.Limits.HeaderTime <= 0, "limits.header-time", "must be over zero")
	k.fault(c.Limits.BodyTime <= 0, "limits.body-time", "must be over zero")
	k.fault(c.Limits.AnswerTime <= 0, "limits.answer-time", "must be over zero")
	k.fault(c.Limits.Idle <= 0, "limits.idle", "must be over zero")
	k.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	k.oneOf("log.format", c.Log.Format, "text", "json")
	k.upstream("tracing.endpoint", c.Tracing.Endpoint)
	k.queue()
	k.routes()
	return k.faults
}

func (k *checker) queue() {
	c, q := k.c, k.c.Queue
	k.fault(c.Store != "" && c.NATS != "", "nats", "there is a store too; only one of them can be")
	k.fault(q.Listen != "" && c.Store == "", "queue.listen", "needs store")
	k.fault(!c.Work && c.NATS == "", "work", "nobody else can ask the upstreams without nats")
	for name, said := range map[string]string{"queue.credentials": q.Credentials, "queue.ca": q.CA, "queue.cert": q.Cert, "queue.key": q.Key} {
		k.fault(said != "" && c.NATS == "", name, "needs nats")
	}
	k.pair("queue.cert", q.Cert, "queue.key", q.Key)
	k.fault(!namespace.MatchString(q.Namespace), "queue.namespace", "%q must be 1 to 64 letters, digits, - or _", q.Namespace)
	k.fault(!slices.Contains([]int{1, 3, 5}, q.Replicas), "queue.replicas", "%d is none of 1, 3 and 5", q.Replicas)
	k.fault(q.Replicas > 1 && c.NATS == "", "queue.replicas", "more than one needs nats")
	k.fault(q.MaxBytes < 1<<20, "queue.max-bytes", "must be at least 1MiB")
	k.fault(q.Tries < 2 || q.Tries > mostTries, "queue.tries", "must be 2 to %d", mostTries)
	k.fault(q.ResultTTL < time.Second, "queue.result-ttl", "must be at least 1s")
	if q.Listen != "" && k.address("queue.listen", q.Listen) {
		k.fault(!loopback(q.Listen), "queue.listen", "%s is not on loopback", q.Listen)
		k.fault(clash(q.Listen, c.Listen) || clash(q.Listen, c.Admin.Listen), "queue.listen", "%s is another port of this process", q.Listen)
	}
	k.servers("nats", c.NATS)
}

// mostTries is one less than the most that package natsbatch accepts, since it does not
// run a request the last time.
const mostTries = 499_999

// namespace matches what package natsbatch accepts as one.
var namespace = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func (k *checker) pair(cert, certFile, key, keyFile string) {
	k.fault(certFile != "" && keyFile == "", cert, "needs %s", key)
	k.fault(keyFile != "" && certFile == "", key, "needs %s", cert)
}

func (k *checker) oneOf(name, said string, choices ...string) {
	k.fault(!slices.Contains(choices, said), name, "%q is none of %s", said, strings.Join(choices, ", "))
}

func (k *checker) routes() {
	k.fault(len(k.c.Routes) == 0, "routes", "there are none")
	mux, names := http.NewServeMux(), make(map[string]bool)
	for i, r := range k.c.Routes {
		at := fmt.Sprintf("routes[%d].", i)
		k.route(at, r)
		k.pattern(mux, at, r.Pattern)
		k.fault(names[r.Label()], at+"name", "%q is the name of another route too", r.Label())
		k.fault(!utf8.ValidString(r.Label()), at+"name", "%q is no UTF-8", r.Label())
		k.fault(r.Label() == Later && k.c.Durable(), at+"name", "%q is the name of the queue of requests with Prefer: respond-async", Later)
		names[r.Label()] = true
	}
}

// Label returns the route's name in logs and metrics.
func (r Route) Label() string {
	if r.Name != "" {
		return r.Name
	}
	return r.Pattern
}

// registered matches what a mux says about where a pattern was registered.
var registered = regexp.MustCompile(` \(registered at [^)]*\)`)

// pattern notes a fault if the mux of a gateway would refuse the pattern, or take it
// for one of a method that nobody uses.
func (k *checker) pattern(mux *http.ServeMux, at, pattern string) {
	if end := strings.IndexAny(pattern, " \t"); end > 0 {
		method := pattern[:end]
		k.fault(method != strings.ToUpper(method), at+"pattern", "method %q matches nothing: it must be in capitals", method)
	}
	k.fault(strings.Contains(pattern, "://"), at+"pattern", "%q matches nothing: a host stands there without http://", pattern)
	defer func() {
		if v := recover(); v != nil {
			said := registered.ReplaceAllString(fmt.Sprint(v), "")
			k.fault(true, at+"pattern", "%s", strings.ReplaceAll(said, "\n", " "))
		}
	}()
	mux.Handle(pattern, http.NotFoundHandler())
}

func (k *checker) route(at string, r Route) {
	before := len(k.faults)
	p, names := r.find()
	k.fault(names != nil && r.Protocol != "", at+"protocol", "%q is none of %s", r.Protocol, strings.Join(names, ", "))
	k.fault(r.Protocol == "", at+"protocol", "must be one of %s", strings.Join(names, ", "))
	k.fault(r.Items != "" && r.Protocol != jsonArray, at+"items", "is for protocol json-array alone")
	k.fault(r.Results != "" && r.Protocol != jsonArray, at+"results", "is for protocol json-array alone")
	k.fault(len(r.Command) > 0 && r.Protocol != exec, at+"command", "is for protocol exec alone")
	k.fault(len(r.Command) == 0 && r.Protocol == exec, at+"command", "must be set for protocol exec")
	k.fault(len(r.Command) > 0 && r.Command[0] == "" && r.Protocol == exec, at+"command", "its first item, the program, is empty")
	k.fault(r.Upstream != "" && r.Protocol == exec, at+"upstream", "protocol exec has a command instead")
	k.fault(r.MaxConcurrent < 0 && r.Protocol == exec, at+"max-concurrent", "must not be negative: it is the number of processes")
	k.upstream(at+"upstream", r.Upstream)
	k.fault(r.Upstream == "" && k.c.Upstream == "" && r.Protocol != exec, at+"upstream", "must be set, for this route or for all")
	if len(k.faults) > before {
		return
	}
	made, err := p.make(r)
	if err != nil {
		pointer := "items"
		if strings.Contains(err.Error(), "results: ") {
			pointer = "results"
		}
		k.fault(true, at+pointer, "%v", strings.TrimPrefix(err.Error(), "gateway: "+pointer+": "))
		return
	}
	k.limits(at, r.gateway(made, checked{}))
}

// limits lets package gateway check a route, and puts its errors in terms of keys.
func (k *checker) limits(at string, r gateway.Route) {
	joined, ok := r.Validate().(interface{ Unwrap() []error })
	if !ok {
		return
	}
	for _, err := range joined.Unwrap() {
		var fault *gateway.FieldError
		if errors.As(err, &fault) && fault.Field != "Pattern" { // patterns are checked together
			k.fault(true, at+keyNames.Replace(fault.Field), "%s", keyNames.Replace(fault.Text))
		}
	}
}

// keyNames turns the names of fields into those of keys.
var keyNames = strings.NewReplacer(
	"MaxItems", "max-items",
	"MinItems", "min-items",
	"MaxPendingBytes", "max-pending-bytes",
	"MaxPending", "max-pending",
	"MaxBody", "max-body",
	"Headers", "headers",
	"TargetTime", "target-time",
	"Delay", "delay",
)

// Package config is the configuration of batcher serve: what there is to set,
// and how a file, the environment and flags set it.
package config

import (
	"cmp"
	"math"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// Config is everything that can be set. Default gives one to start from.
type Config struct {
	Listen     string
	Upstream   string
	Grace      time.Duration
	DrainDelay time.Duration // before Grace begins
	Tokens     string
	Token      string
	Admin      Admin
	TLS        TLS
	Outbound   Outbound
	Limits     Limits
	Log        Log
	Tracing    Tracing
	Store      string
	NATS       string
	Work       bool
	Queue      Queue
	Routes     []Route

	at places // where each key was set
}

// Admin is the port for operators.
type Admin struct {
	Listen string
	Probe  string
}

// TLS is that of the service port. Without a Cert there is none.
type TLS struct {
	Cert, Key, ClientCA string
}

// Outbound is TLS towards upstreams.
type Outbound struct {
	CA, Cert, Key, ServerName string
}

// Limits bound what a connection may cost.
type Limits struct {
	Header      int64
	Connections int
	HeaderTime  time.Duration
	BodyTime    time.Duration
	AnswerTime  time.Duration
	Idle        time.Duration
}

// Log says what is logged, and how.
type Log struct {
	Level, Format string
	Access        bool
}

// Tracing says where spans go.
type Tracing struct {
	Endpoint string
	Ratio    float64
}

// Queue says what the queues between routes and upstreams are like, if Store or
// NATS is set.
type Queue struct {
	Namespace, Listen, Credentials, CA, Cert, Key string

	Replicas  int
	Tries     int
	MaxBytes  int64
	ResultTTL time.Duration
}

// Later is the name, beside those of the routes, of the queue of requests that
// nobody waits for.
const Later = "(later)"

// Durable reports whether there are queues.
func (c *Config) Durable() bool { return c.Store != "" || c.NATS != "" }

// Patience returns how long an accepted request may take according to the
// configuration, at least Grace.
func (c *Config) Patience() time.Duration {
	longest := c.Grace
	for _, r := range c.Routes {
		if r.Timeout < 0 {
			return math.MaxInt64
		}
		if r.Timeout > math.MaxInt64-time.Second {
			return math.MaxInt64
		}
		longest = max(longest, r.Timeout+time.Second) // a second to send the answer
	}
	return longest
}

// Route is one route, as [github.com/gobatcher/batcher/gateway.Route] has it.
type Route struct {
	Name, Pattern, Protocol, Upstream string

	Items, Results string // of protocol json-array
	Command        []string

	Headers []string
	Refuse  bool
	Isolate bool

	MaxItems, MinItems, MaxConcurrent int
	MaxWeight, MaxPending             int
	MaxBatchBytes, MaxPendingBytes    int64
	MaxBody, MaxAnswer                int64
	Delay, TargetTime, Timeout        time.Duration
}

// Default returns the configuration in which nothing has been set. It has no
// routes.
func Default() *Config {
	return &Config{
		at:      make(places),
		Listen:  "127.0.0.1:8080",
		Grace:   30 * time.Second,
		Admin:   Admin{Listen: "127.0.0.1:9090"},
		Limits:  Limits{Header: 64 << 10, Connections: 10_000, HeaderTime: 10 * time.Second, BodyTime: 30 * time.Second, AnswerTime: 30 * time.Second, Idle: 2 * time.Minute},
		Log:     Log{Level: "info", Format: "text", Access: true},
		Tracing: Tracing{Ratio: 1},
		Work:    true,
		Queue:   Queue{Namespace: "main", Replicas: 1, Tries: 100, MaxBytes: 1 << 30, ResultTTL: 24 * time.Hour},
	}
}

// fill replaces limits of routes that are zero by their defaults, so that c says
// what applies.
func (c *Config) fill() {
	def := defaultRoute()
	for i := range c.Routes {
		r := &c.Routes[i]
		r.MaxBatchBytes = cmp.Or(r.MaxBatchBytes, def.MaxBatchBytes)
		r.MaxPending = cmp.Or(r.MaxPending, def.MaxPending)
		r.MaxPendingBytes = cmp.Or(r.MaxPendingBytes, def.MaxPendingBytes)
		r.MaxBody = cmp.Or(r.MaxBody, def.MaxBody)
		r.MaxAnswer = cmp.Or(r.MaxAnswer, def.MaxAnswer)
		r.MaxConcurrent = cmp.Or(r.MaxConcurrent, def.MaxConcurrent)
		r.Timeout = cmp.Or(r.Timeout, def.Timeout)
	}
}

// defaultRoute returns a route in which nothing has been set. What depends on the
// protocol is zero.
func defaultRoute() Route {
	def := gateway.Route{}.WithDefaults()
	return Route{
		Pattern:         "/",
		MaxBatchBytes:   int64(def.MaxBatchBytes),
		MaxPending:      def.MaxPending,
		MaxPendingBytes: def.MaxPendingBytes,
		MaxBody:         def.MaxBody,
		MaxAnswer:       gateway.DefaultMaxAnswer,
		MaxConcurrent:   def.MaxConcurrent,
		Timeout:         def.Timeout,
	}
}

package metrics

import (
	"maps"
	"net/http"
	"strconv"

	"github.com/gobatcher/batcher/gateway"
	"github.com/prometheus/client_golang/prometheus"
)

// usual is what an answered call of one route counts in, as most requests are. With
// it a request is counted in 600 instructions; looking all of it up by labels took
// 2,900, and five locks that all requests share.
type usual struct {
	requests, received, sent prometheus.Counter
	took, queued             prometheus.Observer
}

// usualOf returns what is usual on a route, of which there are few.
func (m *Metrics) usualOf(route string) *usual {
	all := m.usual.Load()
	if u := (*all)[route]; u != nil {
		return u
	}
	u := &usual{
		requests: m.requests.WithLabelValues(route, strconv.Itoa(http.StatusOK), strconv.FormatBool(false)),
		received: m.received.WithLabelValues(route), sent: m.sent.WithLabelValues(route),
		took: m.took.WithLabelValues(route), queued: m.queued.WithLabelValues(route),
	}
	more := maps.Clone(*all)
	more[route] = u
	m.usual.CompareAndSwap(all, &more) // if another request was first, the next one looks again
	return u
}

// failures are the codes that say that callers are not served.
var failures = []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// Expect reports from zero on, for a route, what alerts are made of: Prometheus sees no
// increase in a counter that comes into being with its first events. batched says whether
// the route has calls, and not only requests that are answered otherwise.
func (m *Metrics) Expect(route string, batched bool) {
	if batched {
		m.usualOf(route)
	}
	for _, code := range failures {
		for _, passed := range []bool{true, false} {
			m.requests.WithLabelValues(route, strconv.Itoa(code), strconv.FormatBool(passed))
		}
	}
}

func (u *usual) count(s gateway.Served) {
	u.requests.Inc()
	u.received.Add(float64(s.In))
	u.sent.Add(float64(s.Out))
	u.took.Observe(s.Took.Seconds())
	u.queued.Observe(s.Queued.Seconds())
}

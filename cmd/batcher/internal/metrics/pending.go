package metrics

import "github.com/prometheus/client_golang/prometheus"

// pending reports what is looked up at each scrape.
type pending struct{ m *Metrics }

var pendingDesc = prometheus.NewDesc(namespace+"_items_pending", "Items accepted and not yet answered.", []string{"route"}, nil)

// Describe names the metric.
func (p *pending) Describe(ch chan<- *prometheus.Desc) { ch <- pendingDesc }

// Collect looks the values up.
func (p *pending) Collect(ch chan<- prometheus.Metric) {
	stats := p.m.stats.Load()
	if stats == nil {
		return
	}
	for route, s := range (*stats)() {
		ch <- prometheus.MustNewConstMetric(pendingDesc, prometheus.GaugeValue, float64(s.Pending), route)
	}
}

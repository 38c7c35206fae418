package durable

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gobatcher/batcher/natsbatch"
	"github.com/prometheus/client_golang/prometheus"
)

// Figures reports, for Prometheus, what is in the queues of the Routes that routes
// returns, and in that of later unless it is nil, and what all workers that this process
// has had on l did. The servers are asked at each scrape.
func Figures(l *Link, routes func() *Routes, later *Later) prometheus.Collector {
	return figures{&l.tally, func() []*queued {
		all := slices.Clone(routes().all)
		if later != nil {
			all = append(all, &later.queued)
		}
		return all
	}}
}

type figures struct {
	tally  *tally
	queues func() []*queued
}

// askTime is how long a scrape waits for the servers.
const askTime = 2 * time.Second

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("batcher_"+name, help, append([]string{"route"}, labels...), nil)
}

var (
	messages    = desc("queue_messages", "Messages in the queue, by priority: waiting for a worker, or held by one. One carries up to 256 items.", "priority", "state")
	redelivered = desc("queue_redelivered", "Of the messages that workers hold, those that another worker has had before.", "priority")
	oldest      = desc("queue_oldest_age_seconds", "Age of the oldest message in the queue; 0: there is none.")
	dead        = desc("dead_letters", "Requests that could not be processed, see batcher dlq.")
	used        = desc("queue_bytes", "Bytes on disk of all queues of the namespace.")
	limit       = desc("queue_limit_bytes", "Bytes beyond which new requests are refused.")

	batches  = desc("worker_batches_total", "Batches that this process's workers have run.")
	requests = desc("worker_items_total", "Items in these batches.")
	filled   = desc("worker_pull_efficiency", "Mean batch since the last reload against the most that one holds; 0: none has run.")
	taken    = desc("worker_messages_total", "Messages that the worker has taken.")
	again    = desc("worker_redelivered_total", "Of these messages, those that a worker had before.")
	ended    = desc("worker_ended_total", "Items that the worker did not answer: expired, retried, handed back at its end, or dead.", "how")
)

// Describe names the metrics.
func (f figures) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{messages, redelivered, oldest, dead, used, limit, batches, requests, filled, taken, again, ended} {
		ch <- d
	}
}

// Collect asks the servers. A queue about which they do not answer is left out.
func (f figures) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	for route, s := range f.tally.counts() {
		workerFigures(ch, route, s)
	}
	var all sync.WaitGroup
	for _, q := range f.queues() {
		all.Go(func() {
			if s, err := q.admin.Stats(ctx); err == nil {
				queueFigures(ch, q.name, s)
			}
			if q.worker != nil {
				gauge(ch, filled, efficiency(q.worker.Stats()), q.name)
			}
		})
	}
	all.Wait()
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, value float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func counter(ch chan<- prometheus.Metric, d *prometheus.Desc, value uint64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
}

func queueFigures(ch chan<- prometheus.Metric, route string, s natsbatch.QueueStats) {
	lane := func(name string, l natsbatch.LaneStats) {
		gauge(ch, messages, float64(l.Waiting), route, name, "waiting")
		gauge(ch, messages, float64(l.Held), route, name, "held")
		gauge(ch, redelivered, float64(l.Redelivered), route, name)
	}
	for p, l := range s.Lanes {
		lane(natsbatch.Priority(p).String(), l)
	}
	lane("again", s.Again)
	gauge(ch, oldest, s.OldestAge.Seconds(), route)
	gauge(ch, dead, float64(s.Dead), route)
	gauge(ch, used, float64(s.QueueBytes), route)
	gauge(ch, limit, float64(s.QueueLimit), route)
}

func workerFigures(ch chan<- prometheus.Metric, route string, s natsbatch.WorkerStats) {
	counter(ch, batches, s.Batches, route)
	counter(ch, requests, s.Requests, route)
	counter(ch, taken, s.Messages, route)
	counter(ch, again, s.Redelivered, route)
	counter(ch, ended, s.Expired, route, "expired")
	counter(ch, ended, s.Retried, route, "retried")
	counter(ch, ended, s.HandedBack, route, "handed back")
	counter(ch, ended, s.Dead, route, "dead")
}

func efficiency(s natsbatch.WorkerStats) float64 {
	if s.Batches == 0 || s.Size == 0 {
		return 0
	}
	return float64(s.Requests) / float64(s.Batches) / float64(s.Size)
}

package main

import (
	"strconv"
	"time"
)

const (
	lonely = 100 // requests, one after the other
	margin = 3 * time.Millisecond
)

// lone measures a caller that has no company.
func (m *measurement) lone() error {
	for _, delay := range []time.Duration{linger, 0} {
		b, err := m.bench(workers, 1, delay)
		if err != nil {
			return err
		}
		var times []time.Duration
		for range lonely {
			start := time.Now()
			if err := one(m.ctx, b.clients[0]); err != nil {
				return err
			}
			times = append(times, time.Since(start))
			time.Sleep(10 * time.Millisecond) // idle again
		}
		if err := b.close(); err != nil {
			return err
		}
		limit, p50 := delay+funcTakes+margin, quantile(times, 0.5)
		m.table.add(p50 <= limit, "a lone Do, linger "+delay.String()+", Func "+funcTakes.String()+": p50", "at most "+limit.String(), "%.1f ms", ms(p50))
	}
	return nil
}

func itoa(n int) string { return strconv.Itoa(n) }

package gateway

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// mostBatches bounds the batches that a Server-Timing header lists.
const mostBatches = 8

// timing says, for the Server-Timing header (W3C Server Timing), how long the
// call queued and the upstream took, in milliseconds, and in which batches it
// was.
func (s *Served) timing() string {
	b := append(make([]byte, 0, 128), "queue;dur="...)
	b = milliseconds(b, s.Queued)
	if len(s.Batches) > 0 {
		b = milliseconds(append(b, ", upstream;dur="...), s.Upstream)
	}
	for _, batch := range s.Batches[:min(len(s.Batches), mostBatches)] {
		b = append(append(b, `, batch;desc="id=`...), batch.ID...)
		b = strconv.AppendInt(append(b, " size="...), int64(batch.Size), 10)
		b = append(append(append(b, " trigger="...), batch.Trigger.String()...), '"')
	}
	return string(b)
}

// addTiming adds timing to what the upstream may have said itself.
func addTiming(h http.Header, timing string) {
	if timing != "" {
		h["Server-Timing"] = append(slices.Clip(h["Server-Timing"]), timing)
	}
}

// milliseconds writes d, which is not negative, with three decimals. As a float it
// takes 400 instructions more.
func milliseconds(b []byte, d time.Duration) []byte {
	n := d.Round(time.Microsecond).Microseconds()
	b = append(strconv.AppendInt(b, n/1000, 10), '.')
	return append(b, byte('0'+n/100%10), byte('0'+n/10%10), byte('0'+n%10))
}

package middleware

import (
	"context"
	"math"

	"github.com/gobatcher/batcher"
)

// part returns the context for a call with the requests at these places of the
// batch: its Info describes them, so that Info.Requests stays aligned.
func part[Req any](ctx context.Context, reqs []Req, at []int) context.Context {
	info, ok := batcher.FromContext(ctx)
	if !ok || len(info.Requests) != len(reqs) {
		return ctx
	}
	info.Size, info.Weight, info.Requests = len(at), 0, pick(info.Requests, at)
	for _, i := range at {
		info.Weight += min(weight(reqs[i]), math.MaxInt-info.Weight) // as the Batcher adds them
	}
	return batcher.WithInfo(ctx, info)
}

// weight returns what the Batcher counted for req.
func weight[Req any](req Req) int {
	if w, ok := any(req).(batcher.Weigher); ok {
		return max(0, w.Weight())
	}
	return 1
}

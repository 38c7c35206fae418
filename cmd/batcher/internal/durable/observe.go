package durable

import (
	"net/http"
	"time"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
	"github.com/gobatcher/batcher/gateway"
)

// observed is the answer to a request for Later itself, with what is reported about
// it.
type observed struct {
	http.ResponseWriter
	gateway.Served
}

// observe answers r with answer, which returns the size of its body and what went
// wrong, and reports it to served.
func observe(served func(*http.Request, gateway.Served), w http.ResponseWriter, r *http.Request, answer func(http.ResponseWriter) (in int, err error)) {
	start := time.Now()
	o := &observed{ResponseWriter: w, Served: gateway.Served{Route: config.Later, Status: statusLeft}}
	defer func() {
		o.Took = time.Since(start)
		served(r, o.Served)
	}()
	o.In, o.Err = answer(o)
}

// statusLeft is that of a caller that got no answer, as in package gateway.
const statusLeft = 499

func (o *observed) WriteHeader(status int) {
	o.Status = status
	o.ResponseWriter.WriteHeader(status)
}

func (o *observed) Write(p []byte) (int, error) {
	n, err := o.ResponseWriter.Write(p)
	o.Out += n
	return n, err
}

// Unwrap is for http.ResponseController.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }

package gateway

import (
	"net/http"
	"strings"
)

// KServeV1 is the KServe V1 (TensorFlow Serving) prediction protocol,
// "kserve-v1": POST …:predict with instances, answered with predictions.
// Bodies with inputs (the columnar format) are no calls, even if they hold
// instances too.
type KServeV1 struct{ JSONArray }

// NewKServeV1 makes the protocol. The zero KServeV1 is not usable.
func NewKServeV1() *KServeV1 {
	return &KServeV1{JSONArray{items: []string{"instances"}, results: []string{"predictions"}}}
}

// Match wants a POST of what may be JSON to a path that ends in :predict.
func (p *KServeV1) Match(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, ":predict") && mayBeJSON(r.Header)
}

// Read takes the instances out of the body. KServe would answer for inputs in
// their place: to each call of a batch alike, and not with a prediction for each
// instance.
func (p *KServeV1) Read(r *http.Request, body []byte, most int) (*Call, error) {
	call, err := p.JSONArray.Read(r, body, most)
	if err == nil && asksFor([]byte(call.Shape), `"inputs"`) {
		return nil, ErrNotMine
	}
	return call, err
}

// Explain returns the error as a text, as model servers do.
func (p *KServeV1) Explain(_ *Call, e *Error) []byte { return errorText(e) }

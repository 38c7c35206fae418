package gateway

import (
	"net/http"
	"strings"
)

// KServeV1 is the KServe V1 (TensorFlow Serving) prediction protocol,
// "kserve-v1": POST …:predict with instances, answered with predictions.
// Bodies without instances (columnar inputs) are no calls.
type KServeV1 struct{ JSONArray }

// NewKServeV1 makes the protocol.
func NewKServeV1() *KServeV1 {
	return &KServeV1{JSONArray{items: []string{"instances"}, results: []string{"predictions"}}}
}

// Match wants a POST to a path that ends in :predict.
func (p *KServeV1) Match(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, ":predict")
}

// Explain returns the error as a text, as model servers do.
func (p *KServeV1) Explain(_ *Call, e *Error) []byte { return errorText(e) }

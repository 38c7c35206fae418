//go:build unix

package main_test

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// spans is a collector of OTLP over HTTP.
type spans struct {
	mu  sync.Mutex
	all map[string]*otlp.Span // by name; guarded by mu
	of  string                // the service; guarded by mu
}

func (s *spans) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var req collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &req)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.all[err.Error()] = nil
	}
	for _, resource := range req.ResourceSpans {
		s.of = value(resource.Resource.Attributes, "service.name").GetStringValue()
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				s.all[span.Name] = span
			}
		}
	}
}

func value(attrs []*common.KeyValue, name string) *common.AnyValue {
	for _, a := range attrs {
		if a.Key == name {
			return a.Value
		}
	}
	return nil
}

// TestServeTraces follows a caller's trace through the batch to the upstream.
func TestServeTraces(t *testing.T) {
	s := &spans{all: make(map[string]*otlp.Span)}
	sink := httptest.NewServer(s)
	t.Cleanup(sink.Close)
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--name", "sum", "--tracing-endpoint", sink.URL, "--tracing-ratio", "0")
	g.predict(1).want(t, 1) // not sampled
	req, err := http.NewRequest(http.MethodPost, g.url+"/v1/models/sum:predict", strings.NewReader(instance(2)))
	if err != nil {
		t.Fatal(err)
	}
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	req.Header.Set("Traceparent", "00-"+trace+"-"+parent+"-01")
	r := do(http.DefaultClient, req)
	r.want(t, 2)
	g.signal(syscall.SIGTERM) // sends what is left
	g.end(0)

	s.mu.Lock()
	defer s.mu.Unlock()
	request, batch := s.all["POST"], s.all["batch sum"]
	if request == nil || batch == nil {
		t.Fatalf("got the spans %v", s.all)
	}
	if hex.EncodeToString(request.TraceId) != trace || hex.EncodeToString(request.ParentSpanId) != parent {
		t.Errorf("the request's span is of trace %x below %x", request.TraceId, request.ParentSpanId)
	}
	if len(batch.Links) != 1 || string(batch.Links[0].SpanId) != string(request.SpanId) {
		t.Errorf("the batch links to %v, want the request", batch.Links)
	}
	if len(request.Links) != 1 || string(request.Links[0].SpanId) != string(batch.SpanId) {
		t.Errorf("the request links to %v, want the batch", request.Links)
	}
	if weight := value(batch.Attributes, "batcher.batch.weight").GetIntValue(); weight != 1 {
		t.Errorf("the batch weighs %d, want 1", weight)
	}
	told := u.headers[len(u.headers)-1].Get("Traceparent")
	if !strings.Contains(told, hex.EncodeToString(batch.TraceId)) {
		t.Errorf("the upstream was told %q, want the trace of the batch, %x", told, batch.TraceId)
	}
	if unsampled := u.headers[0].Get("Traceparent"); !strings.HasSuffix(unsampled, "-00") {
		t.Errorf("of the batch that is not sampled the upstream was told %q", unsampled)
	}
}

// Like the log, spans hold no query, in which keys are sent.
func TestServeTracesNoQuery(t *testing.T) {
	s := &spans{all: make(map[string]*otlp.Span)}
	sink := httptest.NewServer(s)
	t.Cleanup(sink.Close)
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--name", "sum", "--tracing-endpoint", sink.URL)
	post(g.url+"/v1/models/sum:predict?key=s3cret", instance(1)).want(t, 1)
	get(t, g.url+"/other?key=s3cret")
	g.signal(syscall.SIGTERM)
	g.end(0)

	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range []string{"POST", "HTTP POST", "GET", "HTTP GET"} {
		if said := s.all[name].String(); !strings.Contains(said, "127.0.0.1") || strings.Contains(said, "s3cret") {
			t.Errorf("the span %q is %s", name, said)
		}
	}
}

// Readiness makes no traces, and the environment names the service.
func TestServeTracesOnlyRequests(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "mine")
	s := &spans{all: make(map[string]*otlp.Span)}
	sink := httptest.NewServer(s)
	t.Cleanup(sink.Close)
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--name", "sum", "--tracing-endpoint", sink.URL, "--admin-probe", "/health")
	g.ready()
	g.predict(1).want(t, 1)
	g.signal(syscall.SIGTERM)
	g.end(0)

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all["HTTP GET"] != nil || s.all["HTTP POST"] == nil {
		t.Errorf("got the spans %v", s.all)
	}
	if s.of != "mine" {
		t.Errorf("they are of %q", s.of)
	}
}

// OpenTelemetry's packages write what they make of their variables to standard error,
// with the values, in a form of their own, or leave it to the program.
func TestServeTellsOfVariablesThatAreWrong(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer s3cret%zz")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "team")
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--tracing-endpoint", "http://127.0.0.1:1", "--log-format", "json")
	g.hears("escape header value: invalid URL escape")
	g.hears("missing value")
	for line := range strings.Lines(g.said()) {
		if !json.Valid([]byte(line)) || strings.Contains(line, "s3cret") {
			t.Errorf("it said %s", line)
		}
	}
}

// A collector that does not answer holds up the end for a while. The log says that
// this was in vain.
func TestServeTellsThatTheLastSpansWereNotSent(t *testing.T) {
	sink := startSilent(t)
	u := startUpstream(t)
	g := startGate(t, "--upstream", u.URL, "--protocol", "kserve-v1", "--name", "sum", "--tracing-endpoint", sink.URL)
	g.predict(1).want(t, 1)
	g.signal(syscall.SIGTERM)
	g.end(0)
	if said := g.said(); !strings.Contains(said, "the last spans were not sent") {
		t.Errorf("it said %s", said)
	}
}

// A batch from a queue links to its requests too, and is traced if one of them is.
func TestDurableTraces(t *testing.T) {
	for _, way := range []string{"wait", "respond-async"} {
		s := &spans{all: make(map[string]*otlp.Span)}
		sink := httptest.NewServer(s)
		t.Cleanup(sink.Close)
		u := startUpstream(t)
		g := startGate(t, durableArgs(u, t.TempDir(), "--tracing-endpoint", sink.URL)...)
		const trace, unsampled, sampled = "0af7651916cd43dd8448eb211c80319c", "-b7ad6b7169203331-00", "-b7ad6b7169203331-01"
		for n, parent := range []string{unsampled, sampled} {
			r := g.ask(http.MethodPost, predictPath, instance(n), "Traceparent", "00-"+trace+parent, "Prefer", way, "Idempotency-Key", "k")
			if place := r.header.Get("Location"); place != "" {
				r = g.ask(http.MethodGet, place, "", "Traceparent", "00-"+trace+unsampled)
			}
			r.want(t, n)
			u.mu.Lock()
			told := u.headers[n].Get("Traceparent")
			u.mu.Unlock()
			if !strings.HasSuffix(told, parent[len(parent)-3:]) {
				t.Errorf("%s: of the batch of %s the upstream was told %q", way, parent, told)
			}
		}
		g.signal(syscall.SIGTERM)
		g.end(0)

		s.mu.Lock()
		request, batch := s.all["POST"], s.all["batch sum"]
		s.mu.Unlock()
		if request == nil || batch == nil {
			t.Fatalf("%s: got the spans %v", way, s.all)
		}
		if len(batch.Links) != 1 || hex.EncodeToString(batch.Links[0].TraceId) != trace || string(batch.Links[0].SpanId) != string(request.SpanId) {
			t.Errorf("%s: the batch links to %v, want the request, %x", way, batch.Links, request.SpanId)
		}
	}
}

package clients_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"
	"github.com/elastic/go-elasticsearch/v9"
	"github.com/elastic/go-elasticsearch/v9/esapi"
	"github.com/elastic/go-elasticsearch/v9/esutil"
	"github.com/elastic/go-elasticsearch/v9/typedapi/types"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/stub"
)

// elasticOptions make a client show the first answer that it gets.
func elasticOptions(f *front) []elasticsearch.Option {
	return []elasticsearch.Option{elasticsearch.WithAddresses(f.url), elasticsearch.WithTransportOptions(elastictransport.WithDisableRetry())}
}

func elasticClient(t *testing.T, f *front, options ...elasticsearch.Option) *elasticsearch.Client {
	t.Helper()
	client, err := elasticsearch.New(append(options, elasticOptions(f)...)...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// read returns the status and the body of an answer.
func read(t *testing.T, res *esapi.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Error(err)
		return ""
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return fmt.Sprint(res.StatusCode, " ", string(body))
}

func TestElasticsearchClientWritesDocuments(t *testing.T) {
	f := start(t, gateway.ESBulk{}, &stub.Elastic{})
	client := elasticClient(t, f)
	ctx := t.Context()
	steps := []struct {
		name string
		call func(id string) (*esapi.Response, error)
		want string
	}{
		{"index", func(id string) (*esapi.Response, error) {
			return client.Index("t", strings.NewReader("{\n \"n\": 9007199254740993\n}"), client.Index.WithDocumentID(id), client.Index.WithContext(ctx))
		}, `201 {"_index":"t","_id":"ID","_version":1,"result":"created",`},
		{"index again", func(id string) (*esapi.Response, error) {
			return client.Index("t", strings.NewReader(`{"n":2}`), client.Index.WithDocumentID(id), client.Index.WithRefresh("true"))
		}, `200 {"_index":"t","_id":"ID","_version":2,"result":"updated","forced_refresh":true,`},
		{"create what exists", func(id string) (*esapi.Response, error) {
			return client.Create("t", id, strings.NewReader(`{}`))
		}, `409 {"error":{"root_cause":[{"type":"version_conflict_engine_exception","reason":"[ID]: version conflict`},
		{"update", func(id string) (*esapi.Response, error) {
			return client.Update("t", id, strings.NewReader(`{"doc":{"n":3}}`), client.Update.WithRetryOnConflict(3))
		}, `200 {"_index":"t","_id":"ID","_version":3,"result":"updated",`},
		{"delete", func(id string) (*esapi.Response, error) { return client.Delete("t", id) },
			`200 {"_index":"t","_id":"ID","_version":4,"result":"deleted",`},
		{"delete what is gone", func(id string) (*esapi.Response, error) { return client.Delete("t", id) },
			`404 {"_index":"t","_id":"ID","_version":1,"result":"not_found",`},
		{"update what is gone", func(id string) (*esapi.Response, error) {
			return client.Update("t", id, strings.NewReader(`{"doc":{}}`))
		}, `404 {"error":{"root_cause":[{"type":"document_missing_exception",`},
		{"create", func(id string) (*esapi.Response, error) {
			return client.Create("t", id, strings.NewReader(`{}`), client.Create.WithRouting("r"))
		}, `201 {"_index":"t","_id":"ID","_version":1,"result":"created",`},
		{"on an index that rejects", func(id string) (*esapi.Response, error) {
			return client.Index("busy", strings.NewReader(`{}`), client.Index.WithDocumentID(id))
		}, `429 {"error":{"root_cause":[{"type":"es_rejected_execution_exception",`},
		{"on an index that does not exist", func(id string) (*esapi.Response, error) { return client.Delete("missing", id) },
			`404 {"error":{"root_cause":[{"type":"index_not_found_exception",`},
		{"with an id too long", func(id string) (*esapi.Response, error) {
			return client.Index("t", strings.NewReader(`{}`), client.Index.WithDocumentID(strings.Repeat(id, 60)))
		}, `400 {"error":{"root_cause":[{"type":"action_request_validation_exception",`},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			ask := func(i int) {
				id := fmt.Sprintf("doc-%d-é ü", i)
				res, err := step.call(id)
				want := strings.ReplaceAll(step.want, "ID", id)
				if got := read(t, res, err); !strings.HasPrefix(got, want) {
					t.Errorf("got %s\nwant %s", got, want)
				}
			}
			if step.name == "with an id too long" { // not batched
				ask(1)
				return
			}
			f.each(t, ask)
		})
	}
}

// The documents arrive as they were written, and reads are passed through.
func TestElasticsearchClientReadsWhatItWrote(t *testing.T) {
	f := start(t, gateway.ESBulk{}, &stub.Elastic{})
	client := elasticClient(t, f, elasticsearch.WithCompression(), elasticsearch.WithCompatibilityMode())
	f.each(t, func(i int) {
		doc := fmt.Sprintf(`{"z": 9007199254740993, "a":%d, "e":1E+2}`, i)
		res, err := client.Index("t", strings.NewReader(doc), client.Index.WithDocumentID(fmt.Sprint(i)))
		if got := read(t, res, err); !strings.HasPrefix(got, "201 ") {
			t.Errorf("got %s", got)
		}
	})
	for i := range callers {
		res, err := client.Get("t", fmt.Sprint(i))
		want := fmt.Sprintf(`"found":true,"_source":{"z": 9007199254740993, "a":%d, "e":1E+2}}`, i)
		if got := read(t, res, err); !strings.HasPrefix(got, "200 ") || !strings.HasSuffix(got, want) {
			t.Errorf("got %s, want …%s", got, want)
		}
	}
}

func TestElasticsearchTypedClient(t *testing.T) {
	f := start(t, gateway.ESBulk{}, &stub.Elastic{})
	client, err := elasticsearch.NewTyped(elasticOptions(f)...)
	if err != nil {
		t.Fatal(err)
	}
	f.each(t, func(i int) {
		id := fmt.Sprint("typed-", i)
		res, err := client.Index("t").Id(id).Document(map[string]int{"n": i}).Do(t.Context())
		if err != nil || res.Id_ != id || res.Result.Name != "created" {
			t.Errorf("caller %d: got %+v, %v", i, res, err)
		}
	})
	_, err = client.Create("t", "typed-1").Document(map[string]int{"n": 1}).Do(t.Context())
	var e *types.ElasticsearchError
	if !errors.As(err, &e) || e.Status != 409 || e.ErrorCause.Type != "version_conflict_engine_exception" || len(e.ErrorCause.RootCause) != 1 {
		t.Errorf("got %v, want a version conflict", err)
	}
}

func TestElasticsearchBulkIndexer(t *testing.T) {
	f := start(t, gateway.ESBulk{}, &stub.Elastic{})
	client := elasticClient(t, f)
	const documents = 40
	f.each(t, func(i int) {
		indexer, err := esutil.NewBulkIndexer(esutil.BulkIndexerConfig{Client: client, Index: "t", NumWorkers: 1, FlushInterval: time.Hour})
		if err != nil {
			t.Error(err)
			return
		}
		for n := range documents {
			err := indexer.Add(t.Context(), esutil.BulkIndexerItem{Action: "index", DocumentID: fmt.Sprintf("%d-%d", i, n), Body: bytes.NewReader([]byte(`{"n":1}`)),
				OnSuccess: func(_ context.Context, item esutil.BulkIndexerItem, res esutil.BulkIndexerResponseItem) {
					if item.DocumentID != res.DocumentID {
						t.Errorf("document %s got the answer to %s", item.DocumentID, res.DocumentID)
					}
				}})
			if err != nil {
				t.Error(err)
			}
		}
		if err := indexer.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if s := indexer.Stats(); s.NumCreated+s.NumIndexed < documents || s.NumFailed != 0 {
			t.Errorf("caller %d: %+v", i, s)
		}
	})
	if n := f.items.Load(); n != callers*documents {
		t.Errorf("%d items were batched, want %d", n, callers*documents)
	}
}

package gateway_test

import (
	"fmt"
	"testing"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/conformance"
	"github.com/gobatcher/batcher/gateway/internal/stub"
)

func embeddingsCall(body string) conformance.Request {
	return conformance.Request{Method: "POST", URL: "/v1/embeddings", Body: body}
}

func TestOpenAIEmbeddingsConforms(t *testing.T) {
	for name, f := range map[string]struct{ one, some, format string }{
		"texts":  {`%s`, `[%s]`, `"text %08d"`},
		"tokens": {`%s`, `[%s]`, `[1, 2, %d]`},
	} {
		t.Run(name, func(t *testing.T) {
			conformance.Run(t, stubbed(conformance.Fixture{
				Protocol: gateway.OpenAIEmbeddings{},
				Pattern:  "/v1/embeddings",
				Request: func(ids ...int) conformance.Request {
					form := f.some
					if len(ids) == 1 {
						form = f.one
					}
					return embeddingsCall(fmt.Sprintf(`{"input": `+form+`, "model": "m"}`, list(ids, f.format, ", ")))
				},
				Other: func(id int) conformance.Request {
					return embeddingsCall(fmt.Sprintf(`{"input":`+f.format+`,"model":"m","user":"9007199254740993"}`, id))
				},
				Malformed: []string{"", "{", `{"input":[1,]}`, `{"input":"a","input":"b"}`, "{\"input\":\"\xff\"}", `{"input":["a" "b"]}`, `{"input":"a"}{`},
			}, stub.Embeddings{Reverse: true}, stub.Embeddings{}, moreIn("data")))
		})
	}
}

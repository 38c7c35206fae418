package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/gateway"
	"github.com/gobatcher/batcher/gateway/internal/conformance"
)

func TestKServeV1Conforms(t *testing.T) {
	conformance.Run(t, conformance.Fixture{
		Protocol: gateway.NewKServeV1(),
		Pattern:  "/v1/models/{rest...}",
		Request: func(ids ...int) conformance.Request {
			return conformance.Request{Method: "POST", URL: "/v1/models/m:predict", Body: `{"instances": [` + list(ids, "[9007199254740993, %d]", ", ") + `], "signature_name": "s"}`}
		},
		Other: func(id int) conformance.Request {
			return conformance.Request{Method: "POST", URL: "/v1/models/m:predict", Body: fmt.Sprintf(`{"instances":[[9007199254740993, %d]]}`, id)}
		},
		Malformed: []string{"", "{", `{"instances":[1,]}`, `{"instances":[NaN]}`, `{"instances":7}`, `{"instances":[1],"instances":[2]}`, "{\"instances\":[\"\xff\"]}"},
		Answer: func(_ *http.Request, body []byte, extra int) (conformance.Answer, error) {
			var in struct{ Instances [][]json.Number }
			if err := json.Unmarshal(body, &in); err != nil {
				return conformance.Answer{}, err
			}
			var ids []int
			for _, instance := range in.Instances {
				id, err := instance[1].Int64()
				if err != nil || instance[0] != "9007199254740993" {
					return conformance.Answer{}, fmt.Errorf("instance %v: %v", instance, err)
				}
				ids = append(ids, int(id))
			}
			if extra < 0 {
				ids = ids[1:]
			} else if extra > 0 {
				ids = append(ids, 0)
			}
			return conformance.Answer{Body: []byte(`{"model_name": "m", "predictions": [` + list(ids, `{ "z": 9007199254740993, "a": %d}`, ",") + `]}`)}, nil
		},
		Check: func(ids []int, status int, _ http.Header, body []byte) error {
			want := `{"model_name":"m","predictions":[` + list(ids, `{ "z": 9007199254740993, "a": %d}`, ",") + `]}`
			if status != 200 || string(body) != want {
				return fmt.Errorf("want %s", want)
			}
			return nil
		},
	})
}

// list writes numbers in a format each.
func list(ids []int, format, between string) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = fmt.Sprintf(format, id)
	}
	return strings.Join(parts, between)
}

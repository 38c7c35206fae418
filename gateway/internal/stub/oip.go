package stub

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// OIP is a model server of the Open Inference Protocol (REST, version 2). Its
// models answer each input tensor unchanged, under the name "echo-" and the
// input's, and a tensor "ones" that holds a 1 for each row.
// The zero OIP is ready for use.
type OIP struct {
	Flat bool // answers hold flat data, whatever the request holds
}

type oipTensor struct {
	Name       string          `json:"name"`
	Datatype   string          `json:"datatype"`
	Shape      []int           `json:"shape"`
	Parameters json.RawMessage `json:"parameters,omitempty"`
	Data       json.RawMessage `json:"data"`
}

type oipRequest struct {
	ID         *string         `json:"id"`
	Parameters json.RawMessage `json:"parameters"`
	Inputs     []oipTensor     `json:"inputs"`
	Outputs    []oipTensor     `json:"outputs"`
}

type oipAnswer struct {
	ModelName    string          `json:"model_name"`
	ModelVersion string          `json:"model_version,omitempty"`
	ID           *string         `json:"id,omitempty"`
	Parameters   json.RawMessage `json:"parameters,omitempty"`
	Outputs      []oipTensor     `json:"outputs"`
}

func (s OIP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.URL.Path == "/v2/health/ready" || r.URL.Path == "/v2/health/live":
		answer(w, http.StatusOK, []byte(`{"live":true}`))
	case len(path) == 3 && path[0] == "v2" && path[1] == "models":
		answer(w, http.StatusOK, encode(map[string]any{"name": path[2], "platform": "stub", "inputs": []any{}, "outputs": []any{}}))
	case len(path) >= 4 && path[0] == "v2" && path[1] == "models" && path[len(path)-1] == "infer":
		s.infer(w, r, path)
	default:
		answer(w, http.StatusNotFound, encode(map[string]string{"error": "no such endpoint: " + r.URL.Path}))
	}
}

func (s OIP) infer(w http.ResponseWriter, r *http.Request, path []string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	a, err := s.answer(body)
	if err != nil {
		answer(w, http.StatusBadRequest, encode(map[string]string{"error": err.Error()}))
		return
	}
	a.ModelName = path[2]
	if len(path) == 6 {
		a.ModelVersion = path[4]
	}
	answer(w, http.StatusOK, encode(a))
}

func (s OIP) answer(body []byte) (oipAnswer, error) {
	var req oipRequest
	if err := json.Unmarshal(body, &req); err != nil {
		return oipAnswer{}, err
	}
	if len(req.Inputs) == 0 {
		return oipAnswer{}, errors.New("no inputs")
	}
	all := map[string]oipTensor{}
	var names []string
	for _, in := range req.Inputs {
		out, err := s.echo(in)
		if err != nil {
			return oipAnswer{}, err
		}
		all[out.Name] = out
		names = append(names, out.Name)
	}
	rows := req.Inputs[0].Shape[0]
	ones := "[" + strings.TrimSuffix(strings.Repeat("1,", rows), ",") + "]"
	all["ones"] = oipTensor{Name: "ones", Datatype: "INT64", Shape: []int{rows}, Data: json.RawMessage(ones)}
	names = append(names, "ones")
	if len(req.Outputs) > 0 {
		names = nil
		for _, out := range req.Outputs {
			names = append(names, out.Name)
		}
	}
	a := oipAnswer{ID: req.ID, Parameters: req.Parameters, Outputs: []oipTensor{}}
	for _, name := range names {
		out, ok := all[name]
		if !ok {
			return oipAnswer{}, fmt.Errorf("unexpected inference output '%s'", name)
		}
		a.Outputs = append(a.Outputs, out)
	}
	return a, nil
}

// echo checks a tensor against its shape and returns the output made of it.
func (s OIP) echo(in oipTensor) (oipTensor, error) {
	flat, err := flatten(in.Data, nil)
	if err != nil {
		return oipTensor{}, err
	}
	want := 1
	for _, d := range in.Shape {
		want *= d
	}
	if len(in.Shape) == 0 || len(flat) != want {
		return oipTensor{}, fmt.Errorf("unexpected number of elements %d for input '%s', expecting %d", len(flat), in.Name, want)
	}
	for _, element := range flat {
		if (element[0] == '"') != (in.Datatype == "BYTES") {
			return oipTensor{}, fmt.Errorf("input '%s' holds %s, which is no %s", in.Name, element, in.Datatype)
		}
	}
	out := oipTensor{Name: "echo-" + in.Name, Datatype: in.Datatype, Shape: in.Shape, Parameters: in.Parameters, Data: in.Data}
	if s.Flat {
		out.Data = encode(flat)
	}
	return out, nil
}

// flatten adds the elements of nested arrays to flat.
func flatten(raw json.RawMessage, flat []json.RawMessage) ([]json.RawMessage, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		return nil, err
	}
	for _, e := range elements {
		if e[0] != '[' {
			flat = append(flat, e)
			continue
		}
		var err error
		if flat, err = flatten(e, flat); err != nil {
			return nil, err
		}
	}
	return flat, nil
}

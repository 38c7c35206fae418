package stub

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
)

// Limits of one embeddings request, as OpenAI states them.
const (
	MaxInputs        = 2048
	MaxTokens        = 300_000
	MaxTokensPerItem = 8192
)

// Embeddings answers POST …/embeddings. A text counts a token for every four
// bytes begun. The zero Embeddings is ready for use.
type Embeddings struct {
	Key     string // what callers must present as a bearer token; empty: anything
	Reverse bool   // data in reverse order of index
	Indent  bool   // spread over lines, as OpenAI does
}

type embeddingsRequest struct {
	Model      string          `json:"model"`
	Input      json.RawMessage `json:"input"`
	Format     string          `json:"encoding_format"`
	Dimensions int             `json:"dimensions"`
}

type embedding struct {
	Object    string          `json:"object"`
	Index     int             `json:"index"`
	Embedding json.RawMessage `json:"embedding"`
}

type embeddingsUsage struct {
	PromptTokens int `json:"prompt_tokens"`
	TotalTokens  int `json:"total_tokens"`
}

type embeddingsAnswer struct {
	Object string          `json:"object"`
	Data   []embedding     `json:"data"`
	Model  string          `json:"model"`
	Usage  embeddingsUsage `json:"usage"`
}

func (s Embeddings) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Request-Id", "req_stub")
	switch {
	case s.Key != "" && r.Header.Get("Authorization") != "Bearer "+s.Key:
		openAIError(w, http.StatusUnauthorized, "Incorrect API key provided.", "invalid_api_key")
		return
	case !strings.HasSuffix(r.URL.Path, "/embeddings"):
		openAIError(w, http.StatusNotFound, "Invalid URL ("+r.Method+" "+r.URL.Path+")", "")
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	a, err := s.answer(body)
	if err != nil {
		openAIError(w, http.StatusBadRequest, err.Error(), "")
		return
	}
	out := encode(a)
	if s.Indent {
		out, _ = json.MarshalIndent(a, "", "  ")
	}
	answer(w, http.StatusOK, out)
}

// refusal is why a request is refused, in OpenAI's words.
type refusal string

func (r refusal) Error() string { return string(r) }

func openAIError(w http.ResponseWriter, status int, message, code string) {
	var c any
	if code != "" {
		c = code
	}
	answer(w, status, encode(map[string]any{"error": map[string]any{
		"message": message, "type": "invalid_request_error", "param": nil, "code": c}}))
}

func (s Embeddings) answer(body []byte) (embeddingsAnswer, error) {
	var req embeddingsRequest
	if err := json.Unmarshal(body, &req); err != nil {
		return embeddingsAnswer{}, refusal("We could not parse the JSON body of your request.")
	}
	if req.Model == "" {
		return embeddingsAnswer{}, refusal("you must provide a model parameter")
	}
	inputs, err := embeddingInputs(req.Input)
	if err != nil {
		return embeddingsAnswer{}, err
	}
	a := embeddingsAnswer{Object: "list", Model: req.Model, Data: []embedding{}}
	for i, in := range inputs {
		tokens, err := countTokens(in)
		if err != nil {
			return embeddingsAnswer{}, err
		}
		a.Usage.PromptTokens += tokens
		a.Data = append(a.Data, embedding{"embedding", i, req.embed(in)})
	}
	a.Usage.TotalTokens = a.Usage.PromptTokens
	if a.Usage.TotalTokens > MaxTokens {
		return embeddingsAnswer{}, refusal(fmt.Sprintf("Requested %d tokens, max %d tokens per request", a.Usage.TotalTokens, MaxTokens))
	}
	if s.Reverse {
		slices.Reverse(a.Data)
	}
	return a, nil
}

// embeddingInputs tells the four forms of input apart.
func embeddingInputs(raw json.RawMessage) ([]json.RawMessage, error) {
	const invalid = refusal("'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.")
	if len(raw) > 0 && raw[0] == '"' {
		return []json.RawMessage{raw}, nil
	}
	var inputs []json.RawMessage
	if err := json.Unmarshal(raw, &inputs); err != nil || len(inputs) == 0 {
		return nil, invalid
	}
	if first := inputs[0][0]; first != '"' && first != '[' {
		return []json.RawMessage{raw}, nil
	}
	if len(inputs) > MaxInputs {
		return nil, invalid
	}
	for _, in := range inputs {
		if in[0] != inputs[0][0] {
			return nil, invalid
		}
	}
	return inputs, nil
}

func countTokens(in json.RawMessage) (n int, err error) {
	var text string
	var tokens []uint32
	if json.Unmarshal(in, &text) == nil {
		n = (len(text) + 3) / 4
	} else if json.Unmarshal(in, &tokens) == nil {
		n = len(tokens)
	}
	if n == 0 || n > MaxTokensPerItem {
		return 0, fmt.Errorf("'$.input' is invalid: an input of %d tokens", n)
	}
	return n, nil
}

// embed makes a vector from the decoded input, the model and the dimensions.
func (req embeddingsRequest) embed(in json.RawMessage) json.RawMessage {
	var decoded any
	_ = json.Unmarshal(in, &decoded)
	dims := req.Dimensions
	if dims == 0 {
		dims = 4
	}
	vector := make([]float32, dims)
	h := fnv.New32a()
	_, _ = fmt.Fprint(h, req.Model, dims, decoded)
	rnd := rand.New(rand.NewPCG(uint64(h.Sum32()), 0))
	for i := range vector {
		vector[i] = rnd.Float32()*2 - 1
	}
	if req.Format != "base64" {
		return encode(vector)
	}
	var packed []byte
	for _, v := range vector {
		packed = binary.LittleEndian.AppendUint32(packed, math.Float32bits(v))
	}
	return encode(base64.StdEncoding.EncodeToString(packed))
}

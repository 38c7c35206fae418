package stub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
)

// JSONRPC is a JSON-RPC 2.0 server over HTTP with these methods: echo answers
// its params, sum the sum of its params, fail an error whose data are its
// params. The zero JSONRPC is ready for use.
type JSONRPC struct {
	Reverse  bool         // answers of a batch in reverse order
	MaxBatch int          // a longer batch gets one error object; zero: no limit
	Status   int          // the HTTP status of that error; zero: 200
	Notified atomic.Int64 // notifications received
}

type rpcCall struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  *string         `json:"method"`
	Params  json.RawMessage `json:"params"`
}

type rpcError struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"`
}

type rpcAnswer struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *rpcError       `json:"error,omitempty"`
}

func (s *JSONRPC) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	body = bytes.TrimSpace(body)
	if !json.Valid(body) {
		answer(w, http.StatusOK, encode(rpcFailure(-32700, "Parse error")))
		return
	}
	if body[0] != '[' {
		if a := s.call(body); a != nil {
			answer(w, http.StatusOK, encode(a))
			return
		}
		w.WriteHeader(http.StatusNoContent)
		return
	}
	var calls []json.RawMessage
	_ = json.Unmarshal(body, &calls)
	s.batch(w, calls)
}

func (s *JSONRPC) batch(w http.ResponseWriter, calls []json.RawMessage) {
	if len(calls) == 0 {
		answer(w, http.StatusOK, encode(rpcFailure(-32600, "Invalid Request")))
		return
	}
	if s.MaxBatch > 0 && len(calls) > s.MaxBatch {
		status := s.Status
		if status == 0 {
			status = http.StatusOK
		}
		answer(w, status, encode(rpcFailure(-32005, fmt.Sprint("batch of ", len(calls), " is too large"))))
		return
	}
	answers := []*rpcAnswer{}
	for _, call := range calls {
		if a := s.call(call); a != nil {
			answers = append(answers, a)
		}
	}
	if len(answers) == 0 {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if s.Reverse {
		slices.Reverse(answers)
	}
	answer(w, http.StatusOK, encode(answers))
}

func rpcFailure(code int, message string) *rpcAnswer {
	return &rpcAnswer{Version: "2.0", ID: json.RawMessage("null"), Error: &rpcError{Code: code, Message: message}}
}

// call runs one call and returns its answer, nil for a notification.
func (s *JSONRPC) call(raw json.RawMessage) *rpcAnswer {
	var c rpcCall
	if err := json.Unmarshal(raw, &c); err != nil || c.Version != "2.0" || c.Method == nil {
		return rpcFailure(-32600, "Invalid Request")
	}
	a := &rpcAnswer{Version: "2.0", ID: c.ID}
	switch *c.Method {
	case "echo":
		a.Result = c.Params
	case "sum":
		a.Result, a.Error = rpcSum(c.Params)
	case "fail":
		a.Error = &rpcError{-32000, "failed as asked", c.Params}
	default:
		a.Error = &rpcError{Code: -32601, Message: "Method not found"}
	}
	if a.Result == nil && a.Error == nil {
		a.Result = json.RawMessage("null")
	}
	if c.ID == nil {
		s.Notified.Add(1)
		return nil
	}
	return a
}

func rpcSum(params json.RawMessage) (json.RawMessage, *rpcError) {
	var terms []int64
	if err := json.Unmarshal(params, &terms); err != nil {
		return nil, &rpcError{Code: -32602, Message: "Invalid params"}
	}
	var sum int64
	for _, t := range terms {
		sum += t
	}
	return encode(sum), nil
}

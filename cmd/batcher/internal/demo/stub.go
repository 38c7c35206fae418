package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Cost is how long a call of the stub takes: as with most model servers, indexers
// and databases, some time for the call and some for each item.
type Cost struct {
	Call, Item time.Duration
}

// stub is an upstream that speaks KServe's V1 protocol. Its model sums up each
// instance, a list of numbers. It takes one call at a time.
type stub struct {
	cost  Cost
	saw   func(instances [][]float64) // called for every call; may be nil
	busy  sync.Mutex                  // held while a call is paid for
	calls atomic.Int64
	items atomic.Int64
}

// mostBody bounds a request: the stub may be left up to play with.
const mostBody = 16 << 20

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Instances [][]float64 `json:"instances"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostBody)).Decode(&req); err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"error": fmt.Sprintf("an instance is a list of numbers: %v", err)})
		return
	}
	s.pay(len(req.Instances))
	if s.saw != nil {
		s.saw(req.Instances)
	}
	predictions := make([]float64, len(req.Instances))
	for i, instance := range req.Instances {
		for _, n := range instance {
			predictions[i] += n
		}
	}
	answer(w, http.StatusOK, map[string]any{"predictions": predictions})
}

func (s *stub) pay(items int) {
	s.busy.Lock()
	defer s.busy.Unlock()
	time.Sleep(s.cost.Call + time.Duration(items)*s.cost.Item)
	s.calls.Add(1)
	s.items.Add(int64(items))
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // an error means that the caller has left
}

package gateway_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/gobatcher/batcher/gateway"
)

// Three callers that know nothing of each other ask a model server once.
func Example() {
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Println("the model is asked once, with", strings.Count(string(body), "1.5"), "instances")
		fmt.Fprint(w, `{"predictions":[0.5,0.5,0.5]}`)
	}))
	defer model.Close()

	upstream, err := gateway.NewHTTP(model.URL, gateway.HTTPOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler, err := gateway.New([]gateway.Route{{
		Pattern:  "/v1/models/{rest...}",
		Protocol: gateway.NewKServeV1(),
		Upstream: upstream,
		MaxItems: 3,
		Delay:    time.Second,
	}}, gateway.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	front := httptest.NewServer(handler)
	defer front.Close()

	var callers sync.WaitGroup
	for range 3 {
		callers.Go(func() {
			res, err := http.Post(front.URL+"/v1/models/m:predict", "application/json", strings.NewReader(`{"instances":[[1.5]]}`))
			if err != nil {
				fmt.Println(err)
				return
			}
			defer res.Body.Close()
			body, _ := io.ReadAll(res.Body)
			fmt.Println(res.StatusCode, string(body))
		})
	}
	callers.Wait()
	fmt.Println(handler.Shutdown(context.Background()))
	// Output:
	// the model is asked once, with 3 instances
	// 200 {"predictions":[0.5]}
	// 200 {"predictions":[0.5]}
	// 200 {"predictions":[0.5]}
	// <nil>
}

// A program that is nothing but a gateway.
func ExampleNew() {
	upstream, err := gateway.NewHTTP("http://127.0.0.1:9000", gateway.HTTPOptions{})
	if err != nil {
		log.Fatal(err)
	}
	handler, err := gateway.New([]gateway.Route{{
		Pattern:  "/v1/models/{rest...}",
		Protocol: gateway.NewKServeV1(),
		Upstream: upstream,
		MaxItems: 32,
		Delay:    5 * time.Millisecond,
	}}, gateway.Options{})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", handler))
}

// Any endpoint that takes an array and answers with one: the items are at /texts
// in the body, the results at /labels in the answer.
func ExampleNewJSONArray() {
	protocol, err := gateway.NewJSONArray("/texts", "/labels")
	if err != nil {
		fmt.Println(err)
		return
	}
	body := []byte(`{"language": "en", "texts": ["good", "bad"]}`)
	call, _ := protocol.Read(httptest.NewRequest(http.MethodPost, "/", nil), body, 0)
	joined, _ := protocol.Join(gateway.Key{Shape: call.Shape}, call.Items)
	fmt.Println(len(call.Items), string(joined))
	// Output: 2 {"language":"en","texts":["good","bad"]}
}

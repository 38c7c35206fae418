package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/gobatcher/batcher/gateway"
)

// closing is an upstream that answers one request by each connection, and ends
// it when the next one has come. It gives its URL and counts requests.
func closing(t *testing.T, asked *atomic.Int32) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for answered := false; ; answered = true {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					asked.Add(1)
					if answered {
						return
					}
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"+string('0'+rune(len(r.Header["Idempotency-Key"]))))
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// A connection that was kept and ends in answer to a batch has it repeated by
// another one, if it may be.
func TestHTTPRepeatsWhatMayBeRepeated(t *testing.T) {
	for _, repeat := range []bool{false, true} {
		var asked atomic.Int32
		u, err := gateway.NewHTTP(closing(t, &asked), gateway.HTTPOptions{Repeat: repeat})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { u.Close() })
		for i, want := range []bool{true, repeat} {
			a, err := u.Send(t.Context(), gateway.Key{Method: "POST", Path: "/"}, []byte("batch"))
			if ok := err == nil && string(a.Body) == "0"; ok != want {
				t.Errorf("repeat %v, batch %d: %q, %v", repeat, i, a.Body, err)
			}
		}
		if n := asked.Load(); repeat && n != 3 || !repeat && n != 2 {
			t.Errorf("repeat %v: %d requests", repeat, n)
		}
		if a, err := u.Send(t.Context(), gateway.Key{Method: "POST", Path: "/", Fields: "Idempotency-Key:own\n"}, nil); repeat && (err != nil || string(a.Body) != "1") {
			t.Errorf("with a key of its own: %q, %v", a.Body, err)
		}
	}
}

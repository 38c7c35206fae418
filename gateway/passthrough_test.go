package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/gateway"
)

// An answer that an upstream gives before it has the body is the last of its
// connection, and no other is.
func TestEarlyAnswersEndTheConnection(t *testing.T) {
	u := newHTTP(t, "", gateway.HTTPOptions{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/early" {
			_, _ = io.Copy(w, r.Body)
			return
		}
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusUnauthorized)
	})
	front := httptest.NewServer(newHandler(t, gateway.Route{Pattern: "/words", Upstream: u}, gateway.Options{Fallback: u}))
	defer front.Close()
	for _, c := range []struct {
		name, request string
		status        int
		last          bool
	}{
		{"early", "PUT /early HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", 401, true},
		{"early, in chunks", "PUT /early HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 401, true},
		{"whole", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 200, false},
		{"whole, in chunks", "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, false},
		{"no call", "PUT /words HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 200, false},
		{"empty", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 200, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, conn := sent(t, front, c.request)
			defer conn.Close()
			_ = res.Body.Close()
			if res.StatusCode != c.status || res.Close != c.last {
				t.Errorf("status %d, the last of its connection: %t; want %d, %t", res.StatusCode, res.Close, c.status, c.last)
			}
		})
	}
}

// sent sends a request as it is written, and returns the head of its answer.
func sent(t *testing.T, front *httptest.Server, request string) (*http.Response, net.Conn) {
	t.Helper()
	conn, err := net.Dial("tcp", front.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, request)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return res, conn
}

// That a body cannot be read is its caller's fault, not the upstream's.
func TestBodiesThatCannotBeReadAreNotPassedThrough(t *testing.T) {
	u := newHTTP(t, "", gateway.HTTPOptions{}, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	statuses := make(chan int, 1)
	front := httptest.NewServer(newHandler(t, gateway.Route{Pattern: "/words", Upstream: u}, gateway.Options{
		Fallback: u, Observer: gateway.Observer{Served: func(_ *http.Request, s gateway.Served) { statuses <- s.Status }},
	}))
	defer front.Close()
	for _, body := range []string{"zz\r\n", "1\r\nab\r\n", "0\r\nno trailer\r\n\r\n", "ffffffffffffffffff\r\n"} {
		res, conn := sent(t, front, "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n"+body)
		text, _ := io.ReadAll(res.Body)
		conn.Close()
		if status := <-statuses; res.StatusCode != http.StatusBadRequest || status != http.StatusBadRequest || !res.Close {
			t.Errorf("%q: status %d, which the observer takes for %d, and the connection ends: %t; %s", body, res.StatusCode, status, res.Close, text)
		}
	}
}

// Informational answers reach only who knows them: they came with HTTP/1.1.
func TestInformationalAnswersAreNotForHTTP10(t *testing.T) {
	u := newHTTP(t, "", gateway.HTTPOptions{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>")
		w.WriteHeader(http.StatusEarlyHints)
		_, _ = io.Copy(w, r.Body)
	})
	front := httptest.NewServer(newHandler(t, gateway.Route{Pattern: "/words", Upstream: u}, gateway.Options{Fallback: u}))
	defer front.Close()
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		for version, want := range map[string]int{"1.0": http.StatusOK, "1.1": http.StatusEarlyHints} {
			conn, err := net.Dial("tcp", front.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(conn, method+" / HTTP/"+version+"\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\na")
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != want || res.Header.Get("Link") != "</a.css>" {
				t.Errorf("%s by HTTP/%s: status %d, %v; want %d", method, version, res.StatusCode, res.Header, want)
			}
			conn.Close()
		}
	}
}

// What proxies in front have said of the caller stays: an upstream that wants TLS
// would else redirect a caller that has it, again and again.
func TestForwardedRequestsStaySo(t *testing.T) {
	const names = "Forwarded X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto"
	u := newHTTP(t, "", gateway.HTTPOptions{}, func(w http.ResponseWriter, r *http.Request) {
		for name := range strings.FieldsSeq(names) {
			fmt.Fprintf(w, "%q", r.Header[name])
		}
	})
	h := newHandler(t, gateway.Route{Upstream: u}, gateway.Options{})
	r := httptest.NewRequest(http.MethodGet, "http://gateway/", nil)
	wantAnswer(t, serve(h, r), 200, `[]["192.0.2.1"]["gateway"]["http"]`)
	r.Header = http.Header{"Forwarded": {"for=9.9.9.9;proto=https"}, "X-Forwarded-For": {"9.9.9.9"}, "X-Forwarded-Host": {"example.com"}, "X-Forwarded-Proto": {"https"}}
	const kept = `["for=9.9.9.9;proto=https"]["9.9.9.9, 192.0.2.1"]["example.com"]["https"]`
	wantAnswer(t, serve(h, r), 200, kept)
	r.Header.Set("Connection", strings.ReplaceAll(names, " ", ", ")) // else a caller could hide who it is
	wantAnswer(t, serve(h, r), 200, kept)
}

package wire_test

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/wire"
)

// listen gives what the server behind a proxy hears on each of its connections.
func listen(t *testing.T) (*wire.Proxy, <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	heard := make(chan string, 10)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(conn, "hello")
			text, _ := io.ReadAll(conn)
			heard <- string(text)
			conn.Close()
		}
	}()
	p, err := wire.New(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, heard
}

func dial(t *testing.T, p *wire.Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.ReadFull(conn, make([]byte, len("hello"))); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestPassesOn(t *testing.T) {
	p, heard := listen(t)
	p.StrikeAt("never", nil)
	conn := dial(t, p)
	text := strings.Repeat("nev nev neve", 50_000) // more than one read, and almost the pattern
	io.WriteString(conn, text)
	conn.Close()
	if got := <-heard; got != text {
		t.Errorf("%d bytes arrived, want %d", len(got), len(text))
	}
}

func TestStrikesOnceBetweenTwoMessages(t *testing.T) {
	p, heard := listen(t)
	times := 0
	struck := p.StrikeAt("PUB ack", func() { times++ })
	conn := dial(t, p)
	for _, part := range []string{"PUB store\r\nPU", "B", " ", "ack\r\nPUB more"} { // also where reads part it
		io.WriteString(conn, part)
	}
	<-struck
	if got := <-heard; got != "PUB store\r\n" {
		t.Errorf("the server heard %q", got)
	}
	conn = dial(t, p)
	io.WriteString(conn, "PUB ack")
	conn.Close()
	if got := <-heard; got != "PUB ack" || times != 1 {
		t.Errorf("after it the server heard %q, and there were %d strikes", got, times)
	}
}

func TestCutAndClose(t *testing.T) {
	p, heard := listen(t)
	conn := dial(t, p)
	p.Cut()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the client's connection was not cut")
	}
	<-heard // the server's ended too
	dial(t, p)
	p.Close()
	<-heard
	if _, err := net.Dial("tcp", p.Addr()); err == nil {
		t.Error("a closed proxy accepts connections")
	}
}

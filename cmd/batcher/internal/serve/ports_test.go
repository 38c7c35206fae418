package serve

import (
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
)

// scripted is a listener that has this to give, one after the other.
type scripted chan func() (net.Conn, error)

func (s scripted) Accept() (net.Conn, error) {
	if next, ok := <-s; ok {
		return next()
	}
	return nil, net.ErrClosed
}

func (s scripted) Close() error { return nil }

func (s scripted) Addr() net.Addr { return &net.TCPAddr{} }

// Errors that keep all callers from being served, and panics, are logged at level
// error; the noise that strangers make is not.
func TestGraveComplaints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		s := &server{first: config.Default()}
		s.now.Store(&parts{log: newLog(config.Log{Level: "info", Format: "text"}, &log)})
		listener := make(scripted, 3)
		listener <- func() (net.Conn, error) {
			return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
		}
		for _, said := range []string{"nonsense\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"} {
			ours, theirs := net.Pipe()
			listener <- func() (net.Conn, error) { return theirs, nil }
			go func() {
				_, _ = io.WriteString(ours, said)
				_, _ = io.Copy(io.Discard, ours)
			}()
		}
		close(listener)
		server := s.newServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("of a handler") }))
		_ = server.Serve(listener)
		synctest.Wait()
		for _, want := range []string{"level=ERROR msg=connection err=\"http: Accept error: accept tcp: accept4: too many open files", "level=ERROR msg=connection err=\"http: panic serving pipe: of a handler"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%s is not in the log:\n%s", want, log.String())
			}
		}
		if lines := strings.Count(log.String(), "\n"); lines != 2 {
			t.Errorf("the log has %d lines, want 2:\n%s", lines, log.String())
		}
	})
}

package embed

import (
	"fmt"
	"sync"

	"github.com/nats-io/nats-server/v2/server"
)

// startLog is the server's log. It keeps why the server cannot start, which the server
// tells nobody else.
type startLog struct {
	server.Logger
	mu    sync.Mutex // guards what follows
	fatal error
}

// Fatalf notes the first reason.
func (l *startLog) Fatalf(format string, args ...any) {
	l.mu.Lock()
	if l.fatal == nil {
		l.fatal = fmt.Errorf(format, args...)
	}
	l.mu.Unlock()
	l.Logger.Fatalf(format, args...)
}

// err returns why the server cannot start, or nil.
func (l *startLog) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fatal
}

// noLog is a log that nobody reads.
type noLog struct{}

func (noLog) Noticef(string, ...any) {}
func (noLog) Warnf(string, ...any)   {}
func (noLog) Fatalf(string, ...any)  {}
func (noLog) Errorf(string, ...any)  {}
func (noLog) Debugf(string, ...any)  {}
func (noLog) Tracef(string, ...any)  {}

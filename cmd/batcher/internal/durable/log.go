package durable

import (
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go"
)

// Tell gets what an operator should know of a queue: what the server of a store warns
// of, such as a full disk, or what becomes of the connection to others. text may be "".
type Tell func(level slog.Level, msg, text string)

// connection returns the options of a connection with which it tells of itself.
func (t Tell) connection() []nats.Option {
	return []nats.Option{
		nats.NoCallbacksAfterClientClose(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			t(slog.LevelWarn, "the connection to the queue is lost", fmt.Sprint(err))
		}),
		nats.ReconnectHandler(func(*nats.Conn) { t(slog.LevelInfo, "the connection to the queue is back", "") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			t(slog.LevelWarn, "the connection to the queue complains", err.Error())
		}),
	}
}

// serverLog tells of what the server of a store warns of, and of nothing else.
type serverLog Tell

func (l serverLog) tell(level slog.Level, format string, args []any) {
	l(level, "the store complains", fmt.Sprintf(format, args...))
}

func (l serverLog) Warnf(format string, args ...any)  { l.tell(slog.LevelWarn, format, args) }
func (l serverLog) Errorf(format string, args ...any) { l.tell(slog.LevelError, format, args) }

func (serverLog) Fatalf(string, ...any)  {} // embed.Start returns it
func (serverLog) Noticef(string, ...any) {}
func (serverLog) Debugf(string, ...any)  {}
func (serverLog) Tracef(string, ...any)  {}

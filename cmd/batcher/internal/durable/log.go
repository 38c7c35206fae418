package durable

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Tell gets what an operator should know of a queue: what the server of a store warns
// of, such as a full disk, or what becomes of the connection to others. text may be "".
type Tell func(level slog.Level, msg, text string)

// connection returns the options of a connection with which it tells of itself.
func (t Tell) connection() []nats.Option {
	c := complaints{tell: t}
	return []nats.Option{
		nats.NoCallbacksAfterClientClose(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			t(slog.LevelWarn, "the connection to the queue is lost", fmt.Sprint(err))
		}),
		nats.ReconnectHandler(func(*nats.Conn) { t(slog.LevelInfo, "the connection to the queue is back", "") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			c.add(err.Error())
		}),
	}
}

const (
	complaintsFor  = time.Minute // how often an equal one is told
	mostComplaints = 50          // that are told in this time, since what is not permitted may be named by its message
)

// complaints tells what a connection complains of. What is not permitted is tried again
// for ever.
type complaints struct {
	tell Tell

	mu    sync.Mutex          // guards what follows
	since time.Time           // when told began
	told  map[string]struct{} // since then
	more  int                 // that were not
}

// add tells a complaint, unless it has told it, or many others, within a minute.
func (c *complaints) add(text string) {
	if more, ok := c.first(text, time.Now()); ok {
		if more > 0 {
			text += fmt.Sprintf("; %d more before this one were not logged", more)
		}
		c.tell(slog.LevelWarn, "the connection to the queue complains", text)
	}
}

// first reports whether a complaint is to be told, and how many were not in the time
// before.
func (c *complaints) first(text string, now time.Time) (more int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told == nil || now.Sub(c.since) >= complaintsFor {
		more, c.more = c.more, 0
		c.since, c.told = now, make(map[string]struct{})
	}
	if _, told := c.told[text]; told || len(c.told) >= mostComplaints {
		c.more++
		return 0, false
	}
	c.told[text] = struct{}{}
	return more, true
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

package durable

import (
	"fmt"
	"log/slog"
)

// serverLog tells of what the server of a store warns of, such as a full disk, and of
// nothing else.
type serverLog func(level slog.Level, text string)

func (l serverLog) Warnf(format string, args ...any) { l(slog.LevelWarn, fmt.Sprintf(format, args...)) }
func (l serverLog) Errorf(format string, args ...any) {
	l(slog.LevelError, fmt.Sprintf(format, args...))
}

func (serverLog) Fatalf(string, ...any)  {} // embed.Start returns it
func (serverLog) Noticef(string, ...any) {}
func (serverLog) Debugf(string, ...any)  {}
func (serverLog) Tracef(string, ...any)  {}

package tracing

import (
	"fmt"

	"github.com/go-logr/logr"
)

// complaints passes on what OpenTelemetry's packages complain of, without the values
// beside it, which may be headers with a token. They would write it to standard error.
type complaints struct{ failed func(error) }

func (c complaints) Error(err error, msg string, _ ...any) { c.failed(fmt.Errorf("%s: %w", msg, err)) }

func (complaints) Init(logr.RuntimeInfo)            {}
func (complaints) Enabled(int) bool                 { return false }
func (complaints) Info(int, string, ...any)         {}
func (c complaints) WithValues(...any) logr.LogSink { return c }
func (c complaints) WithName(string) logr.LogSink   { return c }

package gateway

import (
	"errors"
	"fmt"
)

// FieldError says what is wrong with one field of a Route.
type FieldError struct {
	Route string // its Pattern
	Field string // the field's name in Go
	Text  string
}

// Error names the route and the field.
func (e *FieldError) Error() string {
	return fmt.Sprintf("gateway: route %q: %s %s", e.Route, e.Field, e.Text)
}

// Validate returns what is wrong, a [FieldError] for each fault, joined by
// errors.Join, or nil. It does not look into the pattern: New does.
func (r Route) Validate() error {
	var faults []error
	fault := func(field, format string, args ...any) {
		faults = append(faults, &FieldError{r.Pattern, field, fmt.Sprintf(format, args...)})
	}
	if r.Pattern == "" {
		fault("Pattern", "is empty")
	}
	if r.Protocol == nil {
		fault("Protocol", "is nil")
	}
	if p, ok := r.Protocol.(*KServeV1); ok && (p == nil || p.items == nil) { // it would find no calls
		fault("Protocol", "is a KServeV1 that NewKServeV1 did not make")
	}
	if r.Upstream == nil && (r.Dispatcher == nil || !r.Refuse) {
		fault("Upstream", "is nil")
	}
	for _, name := range r.Headers {
		if !divides(name) {
			fault("Headers", "names %q, which is no header that can divide batches and be sent on", name)
		}
	}
	r.WithDefaults().validateLimits(fault)
	return errors.Join(faults...)
}

// validateLimits is for a route with its defaults.
func (r Route) validateLimits(fault func(field, format string, args ...any)) {
	if r.MinItems < 0 {
		fault("MinItems", "is %d, must not be negative", r.MinItems)
	}
	if r.MaxItems > 0 && r.MinItems > r.MaxItems {
		fault("MinItems", "is %d, above MaxItems, which is %d", r.MinItems, r.MaxItems)
	}
	if r.Delay < 0 {
		fault("Delay", "is %v, must not be negative", r.Delay)
	}
	if r.TargetTime < 0 {
		fault("TargetTime", "is %v, must not be negative", r.TargetTime)
	}
	if r.MaxPending > 0 && r.MaxItems > r.MaxPending {
		fault("MaxPending", "is %d, less than MaxItems, %d", r.MaxPending, r.MaxItems)
	}
	switch {
	case r.MaxPendingBytes < 0: // no limit
	case r.MaxBody < 0:
		fault("MaxPendingBytes", "is %d, must be negative too, for no limit, where MaxBody is", r.MaxPendingBytes)
	case r.MaxBody > r.MaxPendingBytes:
		fault("MaxPendingBytes", "is %d, less than MaxBody, %d", r.MaxPendingBytes, r.MaxBody)
	}
}

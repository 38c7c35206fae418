package conformance_test

import (
	"context"
	"testing"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/natsbatch/e2e/conformance"
)

// core is a Batcher as the suite wants it.
type core struct {
	*batcher.Batcher[string, string]
}

func (c core) Submit(ctx context.Context, req string) (func(context.Context) (string, error), error) {
	return c.Batcher.Submit(ctx, req).Wait, nil
}

func TestCore(t *testing.T) {
	conformance.Run(t, func(t *testing.T, fn batcher.Func[string, string], o batcher.Options) conformance.Service {
		b := batcher.New(fn, o)
		t.Cleanup(func() { b.Close() })
		return core{b}
	})
}

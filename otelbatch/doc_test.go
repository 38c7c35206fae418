package otelbatch_test

import (
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/otelbatch"
)

// The package's documentation lists exactly the metrics that there are, with their units.
func TestDocumentedMetrics(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\t(batcher\.\S+) +(?:counter|histogram|observable[a-z ]*?) +(s|\{\w+\})`)
	documented := make(map[string]string)
	for _, found := range row.FindAllStringSubmatch(file.Doc.Text(), -1) {
		documented[found[1]] = found[2]
	}

	s := newSDK(t)
	telemetry := s.telemetry()
	b := batcher.New(otelbatch.Func(echo(0), telemetry), batcher.Options{MaxSize: 1})
	if _, err := telemetry.Watch(b.Stats); err != nil {
		t.Fatal(err)
	}
	b.Do(t.Context(), 1)
	b.Close()
	reported := make(map[string]string)
	for name, m := range s.metrics() {
		reported[name] = m.Unit
		if m.Description == "" {
			t.Errorf("%s has no description", name)
		}
	}
	if !maps.Equal(documented, reported) {
		t.Errorf("documented are %v\nreported are   %v", slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(reported)))
	}
}

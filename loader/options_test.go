package loader_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gobatcher/batcher"
	"github.com/gobatcher/batcher/loader"
)

func TestBadOptionsAreNamed(t *testing.T) {
	type opts = loader.Options[int, string]
	for want, o := range map[string]opts{
		"Batch: batcher: Options: MaxSize is -1":     {Batch: batcher.Options{MaxSize: -1}},
		"Batch.Manual is true":                       {Batch: batcher.Options{Manual: true}},
		"Batch.StrictSize is true":                   {Batch: batcher.Options{StrictSize: true}},
		"NoCache excludes Cache, which is set":       {NoCache: true, Cache: &small{}},
		"NoCache excludes CacheErrors, which is set": {NoCache: true, CacheErrors: func(error) bool { return true }},
	} {
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate() = %v, want %q", err, want)
		}
		var s source
		if text := panicOf(func() { loader.New(s.fetch, o) }); !strings.Contains(text, "loader: New: ") || !strings.Contains(text, want) {
			t.Errorf("New panics with %q, want %q", text, want)
		}
	}
}

func TestGoodOptions(t *testing.T) {
	for _, o := range []loader.Options[int, string]{{}, {NoCache: true}, {Cache: &small{}}} {
		if err := o.Validate(); err != nil {
			t.Errorf("Validate() = %v", err)
		}
	}
}

func TestNilFunctionsAreNamed(t *testing.T) {
	if text := panicOf(func() { loader.New(nil, loader.Options[int, string]{}) }); text != "loader: New: fetch is nil" {
		t.Errorf("New panics with %q", text)
	}
	var fetch func(context.Context, []int) ([]string, error)
	if text := panicOf(func() { loader.Slice(fetch) }); text != "loader: Slice: fetch is nil" {
		t.Errorf("Slice panics with %q", text)
	}
}

// panicOf returns the text with which f panics, "" if it does not.
func panicOf(f func()) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprint(v)
		}
	}()
	f()
	return ""
}

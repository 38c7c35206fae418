package batcher_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobatcher/batcher"
)

// faults are Options that are wrong, and the texts that say so: each names the
// fields and their values.
var faults = []struct {
	name string
	opts batcher.Options
	want []string
}{
	{"MaxSize", batcher.Options{MaxSize: -1}, []string{"MaxSize is -1"}},
	{"MinSize", batcher.Options{MinSize: -2}, []string{"MinSize is -2"}},
	{"MinSize above MaxSize", batcher.Options{MinSize: 6, MaxSize: 5}, []string{"MinSize is 6", "MaxSize", "is 5"}},
	{"MaxWeight", batcher.Options{MaxWeight: -3}, []string{"MaxWeight is -3"}},
	{"Delay", batcher.Options{Delay: -4 * time.Second}, []string{"Delay is -4s"}},
	{"TargetTime", batcher.Options{TargetTime: -6 * time.Second}, []string{"TargetTime is -6s"}},
	{"MaxPending", batcher.Options{MaxPending: -5}, []string{"MaxPending is -5"}},
	{"Manual with a Delay", batcher.Options{Manual: true, Delay: time.Second}, []string{"Manual", "Delay", "is 1s"}},
	{"strict MinSize above MaxPending", batcher.Options{MinSize: 8, StrictSize: true, MaxPending: 7}, []string{"MinSize is 8", "strict", "MaxPending", "is 7"}},
	{"several at once", batcher.Options{MaxSize: -1, MaxWeight: -3, Delay: -4, MaxPending: -5}, []string{"MaxSize is -1", "MaxWeight is -3", "Delay is -4ns", "MaxPending is -5"}},
}

func TestValidateNamesFieldsAndValues(t *testing.T) {
	for _, c := range faults {
		t.Run(c.name, func(t *testing.T) {
			expectTexts(t, c.opts.Validate(), append(c.want, "batcher: Options: ")...)
		})
	}
}

// expectTexts looks for texts in an error, or in what was passed to panic.
func expectTexts(t *testing.T, got any, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(fmt.Sprint(got), text) {
			t.Errorf("%v does not contain %q", got, text)
		}
	}
}

func TestValidateAcceptsWhatMakesSense(t *testing.T) {
	for _, opts := range []batcher.Options{
		{},
		{MaxSize: 5, MinSize: 5},
		{MinSize: 5},
		{MinSize: 5, StrictSize: true},
		{MinSize: 5, StrictSize: true, MaxPending: 5},
		{MinSize: 5, MaxPending: 2}, // Delay starts what there is
		{StrictSize: true},
		{MaxWeight: 1},
		{Delay: 1},
		{MinSize: 1, Delay: time.Hour},
		{Manual: true},
		{Manual: true, MinSize: 2, MaxSize: 3},
		{Manual: true, TargetTime: 1},
		{MaxConcurrent: -1},
		{MaxConcurrent: 5},
		{Go: func(task func()) { go task() }},
	} {
		if err := opts.Validate(); err != nil {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}

// panicOf returns what do passes to panic, nil if it does not.
func panicOf(do func()) (v any) {
	defer func() { v = recover() }()
	do()
	return nil
}

func TestNewPanicsWhereValidateFails(t *testing.T) {
	keyed := func(context.Context, string, []int) ([]int, error) { return nil, nil }
	for _, c := range faults {
		t.Run(c.name, func(t *testing.T) {
			expectTexts(t, panicOf(func() { batcher.New(answerAll, c.opts) }), append(c.want, "batcher: New: ")...)
			expectTexts(t, panicOf(func() { batcher.NewKeyed(keyed, c.opts) }), append(c.want, "batcher: NewKeyed: ")...)
		})
	}
}

func TestNewBatchPanicsOnWrongOptions(t *testing.T) {
	for _, c := range []struct {
		opts batcher.BatchOptions
		want []string
	}{
		{batcher.BatchOptions{MaxSize: -1}, []string{"MaxSize is -1"}},
		{batcher.BatchOptions{MinSize: -2}, []string{"MinSize is -2"}},
		{batcher.BatchOptions{MinSize: 6, MaxSize: 5}, []string{"MinSize is 6", "MaxSize", "is 5"}},
		{batcher.BatchOptions{MaxWeight: -3}, []string{"MaxWeight is -3"}},
		{batcher.BatchOptions{Delay: -4, MaxSize: -1}, []string{"Delay is -4ns", "MaxSize is -1"}},
	} {
		got := panicOf(func() { batcher.NewBatch(answerAll, c.opts) })
		expectTexts(t, got, append(c.want, "batcher: NewBatch: ", "BatchOptions")...)
	}
}

func TestNewPanicsOnANilFunc(t *testing.T) {
	expectTexts(t, panicOf(func() { batcher.New[int, int](nil, batcher.Options{}) }), "batcher: New: ", "nil")
	expectTexts(t, panicOf(func() { batcher.NewKeyed[int, int, int](nil, batcher.Options{}) }), "batcher: NewKeyed: ", "nil")
	expectTexts(t, panicOf(func() { batcher.NewBatch[int, int](nil, batcher.BatchOptions{}) }), "batcher: NewBatch: ", "nil")
}

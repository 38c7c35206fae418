package oracle_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/natsbatch/e2e/internal/oracle"
)

var (
	payload = []byte("payload")
	sent    = record(oracle.Sent, oracle.Hash(payload))
	acked   = record(oracle.Acked, "")
	ran     = record(oracle.Ran, "run1")
	right   = record(oracle.Answered, oracle.Answer(payload, "run1"))
)

func record(kind oracle.Kind, value string) oracle.Record {
	return oracle.Record{Kind: kind, ID: "a", Value: value}
}

func read(t *testing.T, records ...oracle.Record) oracle.Book {
	t.Helper()
	dir := t.TempDir()
	for _, r := range records { // each from a process of its own
		log, err := oracle.Open(dir, "test")
		if err != nil {
			t.Fatal(err)
		}
		log.Write(r)
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	b, err := oracle.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNothingWrong(t *testing.T) {
	for name, records := range map[string][]oracle.Record{
		"answered":               {sent, acked, ran, right},
		"answered twice":         {sent, acked, ran, right, right},
		"run twice":              {sent, acked, ran, record(oracle.Ran, "run2"), right},
		"acknowledged and sent":  {sent, acked, record(oracle.Failed, "no")},
		"lost, not acknowledged": {sent, record(oracle.Unknown, "who knows")},
	} {
		if err := read(t, records...).Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatMustNeverBe(t *testing.T) {
	for fault, records := range map[string][]oracle.Record{
		"1 acknowledged and lost":              {sent, acked, ran},
		"another request's result":             {sent, ran, record(oracle.Answered, oracle.Answer([]byte("other"), "run1"))},
		"more than one visible outcome":        {sent, ran, right, record(oracle.Answered, oracle.Answer(payload, "run2"))},
		"1 with more than one visible outcome": {sent, ran, right, record(oracle.Failed, "no")},
		"answered and never run":               {sent, right},
		"never sent":                           {ran},
	} {
		err := read(t, records...).Check()
		if err == nil || !strings.Contains(err.Error(), fault) || !strings.Contains(err.Error(), "\ta: {Hash:") {
			t.Errorf("%s: got %v", fault, err)
		}
	}
	if err := read(t, sent).AllAnswered(); err == nil || !strings.Contains(err.Error(), "1 without a result") {
		t.Errorf("got %v", err)
	}
}

func TestTornLineIsNotRead(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "killed.log"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("sent a h\nacked a")
	b, err := oracle.Read(dir)
	if err != nil || b["a"] == nil || b["a"].Acked != 0 {
		t.Errorf("got %v, %v", b, err)
	}
	for _, text := range []string{"nonsense\n", "nonsense a b\n"} {
		write(text)
		if _, err := oracle.Read(dir); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func TestSummary(t *testing.T) {
	got := read(t, sent, acked, ran, right).String()
	want := "1 requests: 1 acknowledged, 1 answered, 0 failed, 0 of unknown outcome; 1 runs, at most 1 of one request"
	if got != want {
		t.Errorf("got %q", got)
	}
}

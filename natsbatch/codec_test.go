package natsbatch_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/natsbatch"
)

func wantText[T ~[]byte](t *testing.T, c natsbatch.Codec, v T, want string) {
	t.Helper()
	data, back, err := natsbatch.Transcoded(c, v)
	if err != nil || string(data) != want || string(back) != string(v) {
		t.Errorf("%T %s became %s and %s again, %v; want %s between", v, v, data, back, err, want)
	}
}

type text []byte

func TestBytesPassTheDefaultCodecAsTheyAre(t *testing.T) {
	wantText(t, nil, []byte("no JSON"), "no JSON")
	wantText(t, nil, json.RawMessage(`{"a":1}`), `{"a":1}`)
	wantText(t, nil, text("abc"), `"YWJj"`)
	data, back, err := natsbatch.Transcoded(nil, []string{"a", "b"})
	if err != nil || string(data) != `["a","b"]` || !slices.Equal(back, []string{"a", "b"}) {
		t.Errorf("others: %s, %q, %v", data, back, err)
	}
	if _, _, err := natsbatch.Transcoded(nil, func() {}); err == nil {
		t.Error("a func has become JSON")
	}
}

// upper writes upper case and reads lower case.
type upper struct{}

var errUpper = errors.New("not in upper case")

func (upper) Marshal(v any) ([]byte, error) { return []byte(strings.ToUpper(string(v.([]byte)))), nil }

func (upper) Unmarshal(data []byte, v any) error {
	if strings.ToUpper(string(data)) != string(data) {
		return errUpper
	}
	*v.(*[]byte) = []byte(strings.ToLower(string(data)))
	return nil
}

func TestAnotherCodecIsAskedForBytesToo(t *testing.T) {
	wantText(t, upper{}, []byte("abc"), "ABC")
}

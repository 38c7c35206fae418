package jsonraw_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

// texts are JSON and almost JSON.
var texts = []string{
	`null`, ` true `, `false`, `0`, `-0`, `1.5e+10`, `9007199254740993`, `NaN`, `Infinity`, `-Infinity`, `[NaN,"NaN"]`, `"a\"\\\/\b\f\n\r\t\u00e9"`, `[]`, `{}`, `[1, [2], {"a": []}]`,
	"\t{\"a\" : 1 ,\r\n\"b\":[ ]}", `"é"`, `"` + "\x7f" + `"`,
	``, ` `, `nul`, `nulll`, `tru`, `01`, `-`, `1.`, `.5`, `1e`, `1e+`, `+1`, `+NaN`, `-NaN`, `Inf`, `Na`, `-Inf`, `Infinity1`, `nan`, `'a'`, `"`, `"\`, `"\x"`, `"\u12g4"`, `"\u12`, "\"\n\"", "\"\x00\"", "\"\x01n\"",
	`[`, `[1`, `[1,`, `[1,]`, `[,1]`, `[1 2]`, `]`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{a:1}`, `{1:1}`, `{"a" 1}`, `{"a":1 "b":2}`, `1 2`, `[]]`, "\x00", `1a`, `"a"b`,
	`[1}`, `{"a":1]`, `{"a";1}`, `{xa":1}`, `1:`, `:`, `"\u00aA\u00fF"`, `"\u12 4"`, "\"\\u12`4\"", "\"\x1f\"", "\xef\xbb\xbf1",
}

// agree holds Valid against encoding/json, which knows no NaN and no infinities:
// it is asked about other values in their places.
func agree(t *testing.T, data []byte) {
	t.Helper()
	finite := []byte(strings.NewReplacer("NaN", "[]", "-Infinity", "[]", "Infinity", "[]").Replace(string(data)))
	want := json.Valid(finite) && utf8.Valid(data)
	if err := jsonraw.Valid(data); (err == nil) != want {
		t.Errorf("%q: %v, want valid %t", data, err, want)
	}
}

func TestValid(t *testing.T) {
	for _, text := range texts {
		agree(t, []byte(text))
		agree(t, []byte(" ["+text+",\n"+text+"]"))
		agree(t, []byte(`{"k":`+text+` }`))
	}
	if err := jsonraw.Valid([]byte("[1 2]")); err == nil || err.Error() != "JSON: unexpected '2' at byte 3, in an array" {
		t.Errorf("got %v", err)
	}
	if jsonraw.Valid([]byte("\"\xff\"")) == nil {
		t.Error("what is not UTF-8 is valid")
	}
}

func TestValidBoundsDepth(t *testing.T) {
	if err := jsonraw.Valid([]byte(nested(1000))); err != nil {
		t.Error(err)
	}
	for _, data := range []string{nested(1001), strings.Repeat(`{"a":`, 1e6)} {
		if err := jsonraw.Valid([]byte(data)); err != jsonraw.ErrDepth {
			t.Errorf("got %v", err)
		}
	}
}

func FuzzValid(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Count(string(data), "[")+strings.Count(string(data), "{") < 1000 {
			agree(t, data)
		}
	})
}

// FuzzParts takes arrays and objects apart, and puts them together again.
func FuzzParts(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		elements, err := jsonraw.Elements(data, 0)
		if jsonraw.Valid(data) != nil || !json.Valid(data) {
			return // Elements looks at what is valid; it must not panic
		}
		var want []json.RawMessage
		if jsonraw.Kind(data) == '[' {
			if err != nil || json.Unmarshal(data, &want) != nil || len(want) != len(elements) {
				t.Fatalf("%q: %d elements, %v; want %d", data, len(elements), err, len(want))
			}
			for i := range want {
				if string(want[i]) != string(elements[i]) {
					t.Errorf("%q: element %d is %q, want %q", data, i, elements[i], want[i])
				}
			}
			if again := jsonraw.Fill(nil, elements); !same(again, data) {
				t.Errorf("%q becomes %q", data, again)
			}
		} else if err == nil {
			t.Errorf("%q: is an array", data)
		}
		if compact := jsonraw.AppendCompact(nil, data); !same(compact, data) {
			t.Errorf("%q becomes %q", data, compact)
		}
	})
}

// same reports whether two texts are equal but for white space.
func same(a, b []byte) bool {
	var x, y strings.Builder
	for _, text := range []struct {
		of []byte
		to *strings.Builder
	}{{a, &x}, {b, &y}} {
		var compact []byte
		quoted := false
		for i, c := range text.of {
			if c == '"' && !escaped(text.of[:i]) {
				quoted = !quoted
			}
			if quoted || !strings.ContainsRune(" \t\r\n", rune(c)) {
				compact = append(compact, c)
			}
		}
		text.to.Write(compact)
	}
	return x.String() == y.String()
}

// escaped reports whether an odd number of backslashes ends text.
func escaped(text []byte) bool {
	n := len(text) - len(strings.TrimRight(string(text), `\`))
	return n%2 == 1
}

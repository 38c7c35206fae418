package jsonraw_test

import (
	"slices"
	"testing"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

func TestEachTellsWhereElementsStand(t *testing.T) {
	const text = ` [ 1 , "a,]" ,[2, 3] ]`
	var got []string
	if err := jsonraw.Each([]byte(text), func(e jsonraw.Span) { got = append(got, text[e.Start:e.End]) }); err != nil {
		t.Fatal(err)
	}
	if want := []string{"1", `"a,]"`, "[2, 3]"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEachRefusesWhatIsNoArray(t *testing.T) {
	for _, text := range []string{"", " ", "{}", "1", "[1", "[1,]", "[1] 2", "[1 2]"} {
		if err := jsonraw.Each([]byte(text), func(jsonraw.Span) {}); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

func TestRewrite(t *testing.T) {
	edit := func(dst []byte, name string, value []byte) []byte {
		switch name {
		case "drop":
			return nil
		case "new":
			return append(dst, "9007199254740993"...)
		}
		return append(dst, value...)
	}
	for text, want := range map[string]string{
		`{}`:                                    `{}`,
		`{"drop":1}`:                            `{}`,
		`{"drop":1,"a": 1.0 }`:                  `{"a": 1.0}`,
		` {"a" :1 , "drop":[1], "b":2}`:         `{"a" :1,"b":2}`,
		`{"a":{"drop":1},"\u0064rop":1}`:        `{"a":{"drop":1}}`,
		`{"new":1,"z":1,"new2":[ 1, 2]}`:        `{"new":9007199254740993,"z":1,"new2":[ 1, 2]}`,
		`{"a":1e400,"drop":"x","new" : null}`:   `{"a":1e400,"new" : 9007199254740993}`,
		"{\n  \"drop\": 1,\n  \"a\":\t\"b\"\n}": "{\"a\":\t\"b\"}",
	} {
		got, err := jsonraw.Rewrite([]byte("before "), []byte(text), edit)
		if err != nil || string(got) != "before "+want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
}

func TestRewriteRefusesWhatIsNoObject(t *testing.T) {
	for _, text := range []string{"", "[]", `{"a":1`, `{"a":1,}`, `{"a":1}}`, `{"a":1,"a":2}`} {
		if _, err := jsonraw.Rewrite(nil, []byte(text), func(dst []byte, _ string, value []byte) []byte { return append(dst, value...) }); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

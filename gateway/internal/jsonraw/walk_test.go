package jsonraw_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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
	for _, text := range []string{"", " ", "{}", "{1]", "1", "[1", "[1,]", "[1] 2", "[1 2]"} {
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

func TestRewriteEach(t *testing.T) {
	done := 0
	got, err := jsonraw.RewriteEach([]byte("before "), []byte(` [ {"a": 1 ,"b":[{"a":1}]},{ "a":2} , {}] `), func(dst []byte, name string, value []byte) []byte {
		if name == "a" {
			return nil
		}
		return append(dst, value...)
	}, func() error { done++; return nil })
	if want := `before [{"b":[{"a":1}]},{},{}]`; err != nil || string(got) != want || done != 3 {
		t.Errorf("got %s, %v, done %d times, want %s", got, err, done, want)
	}
}

func TestRewriteEachStops(t *testing.T) {
	done, stop := 0, errors.New("stop")
	_, err := jsonraw.RewriteEach(nil, []byte(`[{},{},{}]`), func(dst []byte, _ string, _ []byte) []byte { return dst }, func() error {
		done++
		return stop
	})
	if err != stop || done != 1 {
		t.Errorf("got %v, done %d times", err, done)
	}
}

func TestRewriteEachRefusesWhatIsNoArrayOfObjects(t *testing.T) {
	for _, text := range []string{"", "{}", "{{}]", "[1]", `[["a":1}]`, "[{}", "[{},]", "[{}] 1", `[{"a":1,"a":2}]`, `[{"a":}]`} {
		if _, err := jsonraw.RewriteEach(nil, []byte(text), func(dst []byte, _ string, _ []byte) []byte { return dst }, func() error { return nil }); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

func TestRewriteRefusesWhatIsNoObject(t *testing.T) {
	for _, text := range []string{"", "[]", `["a":1}`, `{"a":1`, `{"a":1,}`, `{"a":1}}`, `{"a":1,"a":2}`} {
		if _, err := jsonraw.Rewrite(nil, []byte(text), func(dst []byte, _ string, value []byte) []byte { return append(dst, value...) }); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

func TestRecords(t *testing.T) {
	const text = `{"a" : [1], "list": [ {"x":[{"id":9}], "i\u0064" : 7} ,{},{"id":"}"}], "b":{}}`
	var got []string
	err := jsonraw.Records([]byte(text), "list", "id", func(element, field jsonraw.Span) {
		got = append(got, text[element.Start:element.End]+" has "+text[field.Start:field.End])
	}, func(name string, value jsonraw.Span) { got = append(got, name+" is "+text[value.Start:value.End]) })
	want := []string{"a is [1]", `{"x":[{"id":9}], "i\u0064" : 7} has 7`, "{} has ", `{"id":"}"} has "}"`,
		`list is [ {"x":[{"id":9}], "i\u0064" : 7} ,{},{"id":"}"}]`, "b is {}"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v\nwant %q", got, err, want)
	}
}

func TestRecordsRefuses(t *testing.T) {
	for _, text := range []string{"", "[]", `["list":[]}`, `{"list":{}}`, `{"list":{{}]}`, `{"list":[["id":1}]}`, `{"list":[1]}`, `{"list":[{"id":1,"id":2}]}`, `{"list":[],"list":[]}`, `{"a":1,"\u0061":2}`, `{"list":[{]}`, `{"list":[{}]`, `{} 1`,
		`{"list":[{"id":1},]}`, `{"list":`, `{"list":[`, `{"a":}`} {
		err := jsonraw.Records([]byte(text), "list", "id", func(_, _ jsonraw.Span) {}, func(string, jsonraw.Span) {})
		if err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

// Names are told apart however many there are.
func TestMembersOfLargeObjects(t *testing.T) {
	for _, n := range []int{11, 12, 13, 40} {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, `"%d":0,`, i)
		}
		for i := range n + 1 {
			twice := jsonraw.Members(fmt.Appendf(nil, `{%s"%d":0}`, text.String(), i), func(string, jsonraw.Span) {})
			if (twice != nil) != (i < n) {
				t.Errorf("%d names and %d: %v", n, i, twice)
			}
		}
	}
}

// Whichever way a text is gone through, it may nest as deeply.
func TestAllBoundDepth(t *testing.T) {
	edit := func(dst []byte, _ string, value []byte) []byte { return append(dst, value...) }
	for _, c := range []struct {
		name, before, after string
		depth               int // of what is between them
		read                func([]byte) error
	}{
		{"Elements", `[`, `]`, 1, func(data []byte) error { _, err := jsonraw.Elements(data, 0); return err }},
		{"Each", `[`, `]`, 1, func(data []byte) error { return jsonraw.Each(data, func(jsonraw.Span) {}) }},
		{"Members", `{"a":`, `}`, 1, func(data []byte) error { return jsonraw.Members(data, func(string, jsonraw.Span) {}) }},
		{"Rewrite", `{"a":`, `}`, 1, func(data []byte) error { _, err := jsonraw.Rewrite(nil, data, edit); return err }},
		{"RewriteEach", `[{"a":`, `}]`, 2, func(data []byte) error {
			_, err := jsonraw.RewriteEach(nil, data, edit, func() error { return nil })
			return err
		}},
		{"Records", `{"l":[],"a":`, `}`, 1, func(data []byte) error {
			return jsonraw.Records(data, "l", "f", func(_, _ jsonraw.Span) {}, func(string, jsonraw.Span) {})
		}},
		{"Records, in one", `{"l":[{"f":`, `}]}`, 3, func(data []byte) error {
			return jsonraw.Records(data, "l", "f", func(_, _ jsonraw.Span) {}, func(string, jsonraw.Span) {})
		}},
	} {
		for more, want := range []error{nil, jsonraw.ErrDepth} {
			if err := c.read([]byte(c.before + nested(1000-c.depth+more) + c.after)); err != want {
				t.Errorf("%s, %d deep: %v, want %v", c.name, 1000+more, err, want)
			}
		}
	}
}

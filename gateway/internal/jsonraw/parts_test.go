package jsonraw_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

func TestPointer(t *testing.T) {
	// The examples of RFC 6901, section 5, with arrays for values.
	const doc = `{"foo": [["bar"], ["baz"]], "": [0], "a/b": [1], "c%d": [2], "e^f": [3], "g|h": [4], "i\\j": [5], "k\"l": [6], " ": [7], "m~n": [8], "\u00e9": [9], "ten": [0, 1, 2, 3, 4, 5, 6, 7, 8, [9], [10]], "twice": [1], "twice": [2]}`
	for pointer, want := range map[string]string{
		"/foo": `[["bar"], ["baz"]]`, "/foo/0": `["bar"]`, "/foo/1": `["baz"]`, "/": "[0]", "/a~1b": "[1]", "/c%d": "[2]", "/e^f": "[3]", "/g|h": "[4]", `/i\j`: "[5]", `/k"l`: "[6]", "/ ": "[7]",
		"/m~0n": "[8]", "/é": "[9]",
		"/foo/2": "", "/foo/00": "", "/foo/-": "", "/foo/-1": "", "/foo/x": "", "/foo/99999999999999999999": "", "/ten/9": "[9]", "/ten/10": "[10]", "/ten/a": "", "/bar": "", "/foo/0/0/0": "", "//x": "",
	} {
		at, elements, ok, err := taken(t, pointer, doc)
		if err != nil || ok != (want != "") || string(at.Of([]byte(doc))) != want || strings.Count(want, ",") != max(0, len(elements)-1) {
			t.Errorf("%q: %q, %q, %t, %v; want %q", pointer, at.Of([]byte(doc)), elements, ok, err, want)
		}
	}
	for _, pointer := range []string{"", "/foo/0/0"} {
		if _, _, _, err := taken(t, pointer, doc); err != jsonraw.ErrNoArray {
			t.Errorf("%q leads to no array: %v", pointer, err)
		}
	}
	for pointer, doc := range map[string]string{"/twice": doc, "/": `{"":[1],"":[2]}`} {
		if _, _, _, err := taken(t, pointer, doc); err == nil || err == jsonraw.ErrNoArray {
			t.Errorf("taken what occurs twice: %v", err)
		}
	}
}

// taken is what a pointer leads to.
func taken(t *testing.T, pointer, doc string) (at jsonraw.Span, elements [][]byte, ok bool, err error) {
	t.Helper()
	p, err := jsonraw.ParsePointer(pointer)
	if err != nil {
		t.Errorf("%q: %v", pointer, err)
	}
	return p.Take([]byte(doc), 0)
}

func TestTakeChecksEverything(t *testing.T) {
	p, _ := jsonraw.ParsePointer("/a/1")
	for _, doc := range texts {
		doc := `{"x":0, "a": [` + doc + `, [1, 2] ]}`
		at, elements, ok, err := p.Take([]byte(doc), 0)
		if valid := jsonraw.Valid([]byte(doc)); (valid == nil) != (err == nil) {
			t.Errorf("%q: %v, want %v", doc, err, valid)
		} else if err == nil && (!ok || len(elements) != 2 || string(at.Of([]byte(doc))) != "[1, 2]") {
			t.Errorf("%q: %q, %t", doc, elements, ok)
		}
	}
}

// A text may end anywhere on the way, and nothing may follow it.
func TestTakeChecksTheEnd(t *testing.T) {
	const doc = `{"x":"é","a":[0,[1,2]]}`
	p, _ := jsonraw.ParsePointer("/a/1")
	for n := range len(doc) {
		if at, _, _, err := p.Take(slices.Clip([]byte(doc[:n])), 0); err == nil {
			t.Errorf("%q: found %v", doc[:n], at)
		}
	}
	for _, text := range []string{doc + "1", doc + "]", strings.Replace(doc, "é", "\xe9", 1)} {
		if at, _, _, err := p.Take([]byte(text), 0); err == nil {
			t.Errorf("%q: found %v", text, at)
		}
	}
	if _, _, _, err := jsonraw.Pointer(nil).Take(nil, 0); err == nil {
		t.Error("no error for nothing")
	}
}

func TestPointerThatIsNone(t *testing.T) {
	for _, pointer := range []string{"foo", "/~", "/a~2b", "/~~0"} {
		if _, err := jsonraw.ParsePointer(pointer); err == nil {
			t.Errorf("%q: no error", pointer)
		}
	}
}

func TestMembers(t *testing.T) {
	const doc = ` {"a":1, "\u0062" : [2] , "c":{"a":3}} `
	var got []string
	if err := jsonraw.Members([]byte(doc), func(name string, value jsonraw.Span) {
		got = append(got, name+"="+string(value.Of([]byte(doc))))
	}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a=1", "b=[2]", `c={"a":3}`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, doc := range []string{"", "[]", "{", "{} x", `["a":1}`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a":}`} {
		if err := jsonraw.Members([]byte(doc), func(string, jsonraw.Span) {}); err == nil {
			t.Errorf("%q: no error", doc)
		}
	}
}

func TestElements(t *testing.T) {
	root, _ := jsonraw.ParsePointer("/a")
	for text, want := range map[string]error{`[1,2]`: nil, `[]`: nil, `[1,2,3]`: jsonraw.ErrMany, `[1,2,3`: jsonraw.ErrMany} {
		elements, err := jsonraw.Elements([]byte(text), 2)
		if err != want || err != nil && elements != nil {
			t.Errorf("%s: %q, %v; want %v", text, elements, err, want)
		}
		_, elements, _, err = root.Take([]byte(`{"a":`+text+`}`), 2)
		if err != want || err != nil && elements != nil {
			t.Errorf("%s: taken %q, %v; want %v", text, elements, err, want)
		}
	}
}

func TestElementsRefuseWhatIsNoArray(t *testing.T) {
	for _, text := range []string{"", " ", "{}", "{1]", "1", "[1", "[1,]", "[1] 2", "[1 2]"} {
		if elements, err := jsonraw.Elements([]byte(text), 0); err == nil {
			t.Errorf("%q: %q, no error", text, elements)
		}
	}
}

// An object whose names would fill the memory is refused, and the error of one
// with a name twice does not say the name.
func TestMembersOfManyNames(t *testing.T) {
	var many strings.Builder
	for i := range 16_385 {
		fmt.Fprintf(&many, `,"%d":0`, i)
	}
	for doc, want := range map[string]string{
		"{" + many.String()[1:] + "}":   "JSON: an object has more than 16384 names",
		`{"a":1,"secret":2,"secret":3}`: "JSON: the name at byte 18 occurs twice in its object",
	} {
		if err := jsonraw.Members([]byte(doc), func(string, jsonraw.Span) {}); err == nil || err.Error() != want {
			t.Errorf("%.40s: %v, want %s", doc, err, want)
		}
	}
}

func TestCutAndFill(t *testing.T) {
	const doc = "{ \"a b\": \"\\\" \", \"in\": [1, 2] ,\n \"z\":0 }"
	at := strings.Index(doc, "[")
	frame := jsonraw.Cut([]byte(doc), jsonraw.Span{Start: at, End: at + len("[1, 2]")})
	got := jsonraw.Fill(frame, [][]byte{[]byte("7"), []byte(`"x y"`)})
	if want := `{"a b":"\" ","in":[7,"x y"],"z":0}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := jsonraw.Fill(frame, nil); string(got) != `{"a b":"\" ","in":[],"z":0}` {
		t.Errorf("got %s", got)
	}
}

func ExampleElements() {
	elements, err := jsonraw.Elements([]byte(`[1.0, {"b":2,  "a":9007199254740993}]`), 0)
	fmt.Println(string(elements[0]), string(elements[1]), err)
	// Output: 1.0 {"b":2,  "a":9007199254740993} <nil>
}

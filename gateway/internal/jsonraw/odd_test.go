package jsonraw_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

// nested is n arrays, one in another.
func nested(n int) string { return strings.Repeat(`[`, n) + strings.Repeat(`]`, n) }

func TestOdd(t *testing.T) {
	long := strings.Repeat("a", 9998)
	for text, want := range map[string]bool{
		`[1]`: false, `"a"`: false, `"\n\\\"\u00e9"`: false, `"\ud83d\ude00"`: false, `"\uD83D\uDE00x\uDBFF\uDFFF"`: false, `"😀"`: false, `"\\ud83d"`: false, `"\\\\ud83d"`: false,
		`"\uE000\uD7ff"`: false,
		`"\ud83d"`:       true, `"\ude00"`: true, `"\ude00\ud83d"`: true, `"\ud83d\ud83d\ude00"`: true, `"\ud83dx\ude00"`: true, `"\ud83dxude00"`: true, `"\ud83d\nde00"`: true, `"\ud83d\n"`: true, `"\\\ud83d"`: true, `{"\uDFFF":1}`: true,
		`"\ud83d\u00e9"`:                         true,
		`"\u00e9\ude00"`:                         true,
		`["NaN", "a\"Infinity\""]`:               false,
		`{"Infinity": 1}`:                        false,
		`NaN`:                                    true,
		`["\"",-Infinity]`:                       true,
		`{"NaN":Infinity}`:                       true,
		`"\u0000"`:                               true,
		`{"a\u0000":1}`:                          true,
		`["\\u0000","\u0001"]`:                   false,
		`"1e400"`:                                false,
		`1e400`:                                  true,
		`[-1.5E+309]`:                            true,
		`[1e308,1e0000007,-1e-400]`:              false,
		`[0e+308,0.0E0000000308,1e-999]`:         false,
		`0e309`:                                  true,
		`[-0.0E+309]`:                            true,
		`1e-1000`:                                true,
		`0e-99999999999999999999`:                true,
		`[1e400,1e100,1234567890123456789]`:      true,
		`1.7976931348623157e308`:                 false,
		`1.7976931348623159e308`:                 true,
		`[9223372036854775807]`:                  false,
		`18446744073709551615`:                   false,
		`18446744073709551616`:                   true,
		`-9223372036854775808`:                   false,
		`-9223372036854775809`:                   true,
		strings.Repeat("1", 500):                 true,
		`18446744073709551616.0`:                 false,
		"0." + strings.Repeat("1", 98):           false,
		"0." + strings.Repeat("1", 99):           true,
		`{"a":{"b":` + nested(28) + `}}`:         false,
		`{"a":{"b":` + nested(29) + `}}`:         true,
		`{"` + long + `":"` + long + `a"}`:       false,
		`{"` + long + `a":1}`:                    true,
		`{"__proto__":1}`:                        true,
		`[{"a":{"\u005f_proto__":1}}]`:           true,
		`{"_\u005Fpr\u006ft\u006F__":1}`:         true,
		`{"constructor":{"prototype":1}}`:        true,
		`{"constructor":{"\u0070rototype":1}}`:   true,
		`{"constructor":{"p\u0072ototype":1}}`:   true,
		`["__proto__", "\u005f_proto__"]`:        false,
		`{"constructor":"__proto__"}`:            false,
		`{"__proto_":1,"__proto___":1}`:          false,
		`{"prototypes":1,"p\u0072ototypes":1}`:   false,
		`{"\\u005f_proto__":1,"__prot0__":1}`:    false,
		`["` + nested(40) + `"]`:                 false,
		`[` + strings.Repeat("[1],", 99) + `[]]`: false,
	} {
		var s jsonraw.Scanner
		if err := s.Valid([]byte(text)); err != nil || s.Odd != want {
			t.Errorf("%s: odd %t, %v, want %t", text, s.Odd, err, want)
		}
	}
}

// A text may end anywhere, also between the halves of a character.
func TestOddTextsThatEndTooEarly(t *testing.T) {
	const text = `"\ud83d\ude00"`
	for n := range len(text) {
		if err := new(jsonraw.Scanner).Valid(slices.Clip([]byte(text[:n]))); err == nil {
			t.Errorf("%s: no error", text[:n])
		}
	}
}

// Whichever way a text is gone through, all of it is looked at, and what has been
// found is not forgotten.
func TestOddIsNoticedEverywhere(t *testing.T) {
	p, _ := jsonraw.ParsePointer("/a/1")
	plain := `{"x":` + nested(29) + `,"a":[` + nested(28) + `,[` + nested(27) + `]]}`
	odd := []string{
		`{"x":1e400,"a":[0,[1]]}`, `{"a":[1e400,[1]]}`, `{"a":[0,[1,1e400]]}`, `{"a":[0,[1]],"\u0000":1}`, `{"a":[0,[1],{"x":"\ud800"}]}`,
		`{"x":` + nested(30) + `,"a":[0,[1]]}`, `{"a":[` + nested(29) + `,[1]]}`, `{"a":[0,[` + nested(28) + `]]}`,
	}
	for name, read := range map[string]func(*jsonraw.Scanner, string) error{
		"Valid": func(s *jsonraw.Scanner, text string) error { return s.Valid([]byte(text)) },
		"Members": func(s *jsonraw.Scanner, text string) error {
			return s.Members([]byte(text), func(string, jsonraw.Span) {})
		},
		"Take": func(s *jsonraw.Scanner, text string) error {
			_, _, _, err := s.Take(p, []byte(text), 0)
			return err
		},
		"Rewrite": func(s *jsonraw.Scanner, text string) error {
			_, err := s.Rewrite(nil, []byte(text), func(dst []byte, _ string, value []byte) []byte { return append(dst, value...) })
			return err
		},
	} {
		for _, text := range odd {
			var s jsonraw.Scanner
			if err := read(&s, plain); err != nil || s.Odd {
				t.Errorf("%s: odd %t, %v", name, s.Odd, err)
			}
			for _, next := range []string{text, plain} {
				if err := read(&s, next); err != nil || !s.Odd {
					t.Errorf("%s of %s: odd %t, %v", name, next, s.Odd, err)
				}
			}
		}
	}
}

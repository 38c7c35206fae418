package jsonraw_test

import (
	"testing"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

func TestPortable(t *testing.T) {
	for text, want := range map[string]bool{
		``: true, `[1]`: true, `"a"`: true, `"\n\\\"\u00e9"`: true, `"\ud83d\ude00"`: true, `"\uD83D\uDE00x\uDBFF\uDFFF"`: true, `"😀"`: true, `"\\ud83d"`: true, `"\\\\ud83d"`: true,
		`"\uE000\uD7ff"`: true, `\`: true, `"\u`: true, `"\uzzzz"`: true,
		`"\ud83d"`: false, `"\ude00"`: false, `"\ude00\ud83d"`: false, `"\ud83d\ud83d\ude00"`: false, `"\ud83dx\ude00"`: false, `"\ud83d\n"`: false, `"\\\ud83d"`: false, `{"\uDFFF":1}`: false,
		`["NaN", "a\"Infinity\""]`: true, `"NaN`: true, `{"Infinity": 1}`: true,
		`NaN`: false, `["\"",-Infinity]`: false, `{"NaN":Infinity}`: false,
		`"\ud83d\u00e9"`: false, `"\ud83d\ude0`: false,
	} {
		if got := jsonraw.Portable([]byte(text)); got != want {
			t.Errorf("%s: %t, want %t", text, got, want)
		}
	}
}

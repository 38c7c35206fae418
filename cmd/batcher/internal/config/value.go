package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// value is where the text of a key goes: a pflag.Value, so flags, environment
// variables and the file set it in the same way.
type value interface {
	Set(text string) error
	String() string
	Type() string
}

// list is a value that is set by a sequence, or by texts with commas: a flag that is
// given twice must not lose the first, which may keep callers apart.
type list struct{ at *[]string }

func (l list) Type() string   { return "list" }
func (l list) String() string { return strings.Join(*l.at, ",") }

func (l list) Set(text string) error {
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			*l.at = append(*l.at, item)
		}
	}
	return nil
}

// scalar is a value that parse and format convert from and to text.
type scalar[T any] struct {
	at     *T
	kind   string
	parse  func(string) (T, error)
	format func(T) string
}

func (s scalar[T]) Type() string   { return s.kind }
func (s scalar[T]) String() string { return s.format(*s.at) }

func (s scalar[T]) Set(text string) error {
	v, err := s.parse(text)
	if err == nil {
		*s.at = v
	}
	return err
}

func text(at *string) value {
	return scalar[string]{at, "text", func(s string) (string, error) { return s, nil }, func(s string) string { return s }}
}

func number(at *int) value {
	return scalar[int]{at, "number", func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || octal(s) {
			return 0, fmt.Errorf("%q is not a whole number", s)
		}
		return n, nil
	}, strconv.Itoa}
}

func ratio(at *float64) value {
	return scalar[float64]{at, "ratio", func(s string) (float64, error) {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || !(f >= 0 && f <= 1) || strings.ContainsAny(s, "xX") {
			return 0, fmt.Errorf("%q is not a number from 0 to 1", s)
		}
		return f, nil
	}, func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }}
}

// octal reports whether the whole number s begins with a zero, which might be
// meant as base eight.
func octal(s string) bool {
	s = strings.TrimLeft(s, "+-")
	return len(s) > 1 && s[0] == '0'
}

// yesType is the Type of a value whose flag may stand without "true".
const yesType = "bool"

func yes(at *bool) value {
	return scalar[bool]{at, yesType, func(s string) (bool, error) {
		switch s {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return false, fmt.Errorf("%q is neither true nor false", s)
	}, strconv.FormatBool}
}

func duration(at *time.Duration) value {
	return scalar[time.Duration]{at, "duration", func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(s)
		if err != nil {
			return 0, fmt.Errorf("%q is not a duration such as 250ms, 10s or 1m30s", s)
		}
		return d, nil
	}, formatDuration}
}

// formatDuration leaves out the zeros of 1m0s and 1h0m0s.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func size(at *int64) value { return scalar[int64]{at, "size", parseSize, formatSize} }

// units of a size, the largest first.
var units = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1}}

var errSize = errors.New("is not a size such as 512, 64KiB or 10MiB")

func parseSize(s string) (int64, error) {
	digits, factor := s, int64(1)
	for _, unit := range units {
		if cut, ok := strings.CutSuffix(s, unit.name); ok {
			digits, factor = strings.TrimSpace(cut), unit.bytes
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || octal(digits) || n > math.MaxInt64/factor || n < math.MinInt64/factor {
		return 0, fmt.Errorf("%q %w", s, errSize)
	}
	return n * factor, nil
}

func formatSize(n int64) string {
	for _, unit := range units {
		if unit.bytes%1024 == 0 && n >= unit.bytes && n%unit.bytes == 0 {
			return strconv.FormatInt(n/unit.bytes, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

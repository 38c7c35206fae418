package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/gobatcher/batcher/gateway/internal/jsonraw"
)

// The marks in a text with tensors.
const (
	tensorsHole   = 0 // in a row: between its parts, one for each tensor
	tensorsCount  = 1 // the length of dimension 0
	tensorsFlat   = 2 // data, a list of values for each row
	tensorsNested = 3 // data, an array for each row
	tensorsID     = 4 // an id
	tensorsEdge   = 5 // before and after the tensors

	tensorsMarks = "\x01\x02\x03\x04\x05" // that fillTensors replaces
)

// tensors takes the tensors of a request or an answer apart, row by row.
type tensors struct {
	most    int      // rows; zero: any number
	answer  bool     // a row may hold no data, as if nothing was detected, and values are not looked at
	found   int      // tensors so far
	rows    [][]byte // what they hold of each row, with marks in between; nil: as many as the first tensor has
	misfits bool     // a tensor holds values that are not of its datatype
	err     error    // what is wrong with them
}

// cut appends the array of tensors in value to dst, with marks in place of
// dimension 0 and the data.
func (t *tensors) cut(dst, value []byte) []byte {
	var one tensor
	dst, err := jsonraw.RewriteEach(dst, value, func(dst []byte, name string, value []byte) []byte {
		switch name {
		case "shape":
			if one.dims = dimensions(value); one.dims != nil {
				return append(append(dst, '[', tensorsCount), value[bytes.IndexAny(value, ",]"):]...)
			}
		case "datatype":
			one.datatype = value
		case "data":
			one.data = value
			return append(dst, '[', formOf(value), ']')
		}
		one.odd = one.odd || imitates(name, "shape", "data")
		return append(dst, value...)
	}, func() error {
		err := t.add(one)
		one = tensor{}
		return err
	})
	if err != nil {
		t.err = err
	}
	return dst
}

// tensor is what matters of a tensor.
type tensor struct {
	dims     []int
	datatype []byte // in JSON
	data     []byte
	odd      bool // it has a member that some servers take for one of these
}

// add cuts a tensor into rows.
func (t *tensors) add(one tensor) error {
	switch {
	case t.found == maxTensors:
		return fmt.Errorf("more than %d tensors", maxTensors)
	case one.odd || one.dims == nil || one.data == nil || !t.answer && slices.Contains(one.dims, 0):
		return errors.New("a tensor without dimensions or without data")
	case t.most > 0 && one.dims[0] > t.most:
		return jsonraw.ErrMany
	case t.rows == nil && one.dims[0] > len(one.data):
		return errFewData
	case t.rows == nil:
		t.rows = make([][]byte, one.dims[0])
	case one.dims[0] != len(t.rows):
		return fmt.Errorf("a tensor with %d rows among others with %d", one.dims[0], len(t.rows))
	}
	t.found++
	t.misfits = t.misfits || !t.answer && !fits(one.datatype, one.data)
	return eachRow(one.data, one.dims, t.put)
}

var errFewData = errors.New("a tensor with fewer data than its shape says")

// put adds what the last tensor holds of a row. Kept until all are known, the
// parts would take many times the memory of their text, in which one may be a
// byte.
func (t *tensors) put(row int, part []byte) {
	if t.found == 1 {
		t.rows[row] = slices.Clip(part) // what is appended must not go into the text
		return
	}
	grown := slices.Grow(t.rows[row], 1+len(part))
	t.rows[row] = append(append(grown, tensorsHole), part...)
}

// The most of what a few bytes could unpack to millions of.
const (
	maxTensors = 1024
	maxDims    = 64 // as in numpy
)

// dimensions reads a shape. It returns nil if shape is none, is empty, too long,
// or begins with a zero.
func dimensions(shape []byte) (dims []int) {
	valid := true
	err := jsonraw.Each(shape, func(e jsonraw.Span) {
		n, ok := decimal(e.Of(shape))
		if valid = valid && ok && (n > 0 || len(dims) > 0) && len(dims) < maxDims; valid {
			dims = append(dims, n)
		}
	})
	if err != nil || !valid {
		return nil
	}
	return dims
}

// formOf returns the mark of the form of data.
func formOf(data []byte) byte {
	if bytes.HasPrefix(trim(data[1:]), []byte{'['}) {
		return tensorsNested
	}
	return tensorsFlat
}

// eachRow cuts data of these dimensions into rows and calls put for each. What it
// was called with before an error is worth nothing.
func eachRow(data []byte, dims []int, put func(row int, part []byte)) error {
	values := 1
	if slices.Contains(dims, 0) {
		values = 0
	}
	for _, d := range dims {
		if d > 0 && values > len(data)/d { // values*d might not fit 32 bits
			return errFewData
		}
		values *= d
	}
	length := values / dims[0] // of a row
	if bytes.IndexByte(data, '"') < 0 && bytes.IndexByte(data, '{') < 0 && bytes.LastIndexByte(data, '[') == 0 {
		return numberRows(trim(data[1:len(data)-1]), dims[0], length, put)
	}
	inner, start, seen, fits := dims[1:], 0, 0, true
	switch {
	case formOf(data) == tensorsNested:
		length = 1
	case length == 0:
		return errors.New("a tensor with data whose shape says that it has none")
	default:
		inner = nil
	}
	err := jsonraw.Each(data, func(e jsonraw.Span) {
		if seen%length == 0 {
			start = e.Start
		}
		if seen++; seen%length == 0 && seen <= dims[0]*length {
			put(seen/length-1, jsonraw.Span{Start: start, End: e.End}.Of(data))
		}
		fits = fits && isNested(e.Of(data), inner)
	})
	if err == nil && (!fits || seen != dims[0]*length) {
		err = errors.New("a tensor whose data do not have its shape")
	}
	return err
}

// numberRows is eachRow for a flat list of values that hold no commas, without
// the brackets around it: most data are numbers, and looking for commas alone is
// several times as fast as looking for values.
func numberRows(list []byte, count, length int, put func(row int, part []byte)) error {
	switch {
	case length == 0 && len(list) == 0:
		for row := range count {
			put(row, []byte{})
		}
		return nil
	case length == 0 || len(list) == 0 || bytes.Count(list, []byte{','}) != count*length-1:
		return fmt.Errorf("a tensor whose data are not %d rows of %d values", count, length)
	}
	for row := range count - 1 {
		end := 0
		for range length {
			end += bytes.IndexByte(list[end:], ',') + 1
		}
		put(row, trim(list[:end-1]))
		list = list[end:]
	}
	put(count-1, trim(list))
	return nil
}

// isNested reports whether value, which is valid, consists of arrays in arrays
// with these dimensions. It looks at each byte once, however many arrays there
// are.
func isNested(value []byte, dims []int) bool {
	left := make([]int, 0, len(dims)) // of each array that is open, the elements to come
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case ' ', '\t', '\r', '\n', ',':
			continue
		case ']':
			if left[len(left)-1] != 0 {
				return false
			}
			left = left[:len(left)-1]
			continue
		}
		if k := len(left) - 1; k >= 0 {
			if left[k]--; left[k] < 0 {
				return false
			}
		}
		switch {
		case value[i] == '[' && len(left) < len(dims):
			left = append(left, dims[len(left)])
		case value[i] == '[' || value[i] == '{' || len(left) < len(dims):
			return false
		default:
			i += jsonraw.Scalar(value[i:]) - 1
		}
	}
	return true
}

// tensorsOf returns the tensors in a frame.
func tensorsOf(frame []byte) []byte {
	_, rest, _ := bytes.Cut(frame, []byte{tensorsEdge})
	tensors, _, _ := bytes.Cut(rest, []byte{tensorsEdge})
	return tensors
}

// fillTensors appends frame to dst, with an id and rows in place of its marks.
func fillTensors(dst, frame, id []byte, rows [][]byte) (filled []byte, err error) {
	left := slices.Clone(rows) // of each row, the parts not used yet
	filled = fillHoles(dst, frame, tensorsMarks, func(dst []byte, mark byte) []byte {
		switch {
		case mark == tensorsCount:
			dst = strconv.AppendInt(dst, int64(len(rows)), 10)
		case mark == tensorsID:
			dst = append(dst, id...)
		case mark == tensorsEdge, err != nil:
		default:
			dst, err = appendParts(dst, left)
		}
		return dst
	})
	return filled, err
}

// appendParts appends the next part of each row to dst, and removes it from left.
func appendParts(dst []byte, left [][]byte) ([]byte, error) {
	for i, row := range left {
		if row == nil {
			return nil, errors.New("a row with too few parts")
		}
		part, rest, more := bytes.Cut(row, []byte{tensorsHole})
		if i > 0 && len(part) > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, part...)
		if left[i] = rest; !more {
			left[i] = nil
		}
	}
	return dst, nil
}

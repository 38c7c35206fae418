package jsonraw

import "errors"

// Each calls each for the elements of the array in data, in their order, with
// where they stand. It fails if data is not a valid array; what each was told
// before then holds nothing.
func Each(data []byte, each func(element Span)) error {
	at := space(data, 0)
	if at >= len(data) || data[at] != '[' {
		return errors.New("JSON is not an array")
	}
	end, err := array(data, at, 1, func(start, end int) { each(Span{start, end}) })
	if err == nil && space(data, end) < len(data) {
		err = unexpected(data, space(data, end), "after the value")
	}
	return err
}

// Rewrite appends the object in data to dst with other values: edit appends
// the value that a member shall have, to what dst is by then, or gives nil to
// leave the member out. Names and values that it appends as they are stay as
// they are written. It fails like Members.
func Rewrite(dst, data []byte, edit func(dst []byte, name string, value []byte) []byte) ([]byte, error) {
	dst = append(dst, '{')
	done, empty := space(data, 0)+1, true
	err := Members(data, func(name string, value Span) {
		lead := space(data, done)
		if data[lead] == ',' {
			lead = space(data, lead+1)
		}
		done = value.End
		before := len(dst)
		if !empty {
			dst = append(dst, ',')
		}
		edited := edit(append(dst, data[lead:value.Start]...), name, value.Of(data))
		if edited == nil {
			dst = dst[:before]
			return
		}
		dst, empty = edited, false
	})
	return append(dst, '}'), err
}

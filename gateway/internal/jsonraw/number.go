package jsonraw

// number returns the end of the number that begins at at.
func (s *Scanner) number(at int) (end int, err error) {
	data, start := s.data, at
	if data[at] == '-' {
		at++
	}
	if at < len(data) && data[at] == 'I' {
		return s.infinite(at, "Infinity")
	}
	if at < len(data) && data[at] == '0' {
		at++
	} else if at, err = digits(data, at); err != nil {
		return at, err
	}
	whole := at
	if at < len(data) && data[at] == '.' {
		if at, err = digits(data, at+1); err != nil {
			return at, err
		}
	}
	if at < len(data) && (data[at] == 'e' || data[at] == 'E') {
		if at++; at < len(data) && (data[at] == '+' || data[at] == '-') {
			at++
		}
		exponent := at
		if at, err = digits(data, at); err != nil {
			return at, err
		}
		if at-exponent > plainExponent {
			s.large(data[start:at])
		}
	}
	if at-start > plainLength {
		s.long(data[start:at], at == whole)
	}
	return at, nil
}

// digits returns the end of the digits, one or more, that begin at at.
func digits(data []byte, at int) (end int, err error) {
	start := at
	for at < len(data) && isDigit(data[at]) {
		at++
	}
	if at == start {
		return at, unexpected(data, at, "in a number")
	}
	return at, nil
}

func isDigit(c byte) bool { return c-'0' < 10 }

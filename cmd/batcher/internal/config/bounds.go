package config

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// The limits of a file, far above what a configuration needs. The parser recurses
// for each level and for each key after another, and copies in the square of both;
// a stack overflow would end the process, so it only gets what it can cope with.
// Aliases let a short file stand for a huge one.
const (
	mostBytes  = 1 << 20 // of the file
	mostNested = 64      // levels
	mostBeside = 4096    // tokens of one level: keys or items on lines of their own, or what is between two brackets
	mostTaken  = 8 << 20 // bytes of all keys and values, those behind an alias each time it is used
	mostTabs   = 128     // on one line: at each the lexer scans the rest of it
	mostBlank  = 128     // lines in a row: for each that ends a block of text the lexer copies the block
	mostFaults = 100     // that are reported
)

// perTaken is what a key or a value counts in addition to the bytes of its text.
const perTaken = 32

// nesting is a level on which tokens stand.
type nesting struct {
	column int // zero: between brackets
	tokens int
}

// badLine returns the first line that the lexer must not see, and why; zero: none.
func badLine(text []byte) (int, string) {
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	text = bytes.ReplaceAll(text, []byte("\r"), []byte("\n"))
	blank := 0
	for i, line := range bytes.Split(text, []byte("\n")) {
		blank++
		if len(bytes.TrimSpace(line)) > 0 {
			blank = 0
		}
		switch {
		case !utf8.Valid(line) || bytes.IndexByte(line, 0) >= 0:
			return i + 1, "the line is no text in UTF-8"
		case bytes.Count(line, []byte("\t")) > mostTabs:
			return i + 1, fmt.Sprintf("more than %d tabs on one line", mostTabs)
		case blank > mostBlank:
			return i + 1, fmt.Sprintf("more than %d blank lines in a row", mostBlank)
		}
	}
	return 0, ""
}

// excess returns the first token that is one too many, and why.
func excess(tokens token.Tokens) (*token.Token, string) {
	levels := []nesting{{column: 1}}
	for _, t := range tokens {
		if t.Type == token.CommentType {
			continue
		}
		levels = enter(levels, t)
		if levels[len(levels)-1].tokens > mostBeside {
			return t, fmt.Sprintf("more than %d keys or items on one level", mostBeside)
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			levels = append(levels, nesting{})
		}
		if len(levels) > mostNested {
			return t, fmt.Sprintf("nested more than %d levels deep", mostNested)
		}
	}
	return nil, ""
}

// enter counts t on its level: between brackets the level of these, else that of
// its column, since what follows on a line is deeper than what begins it.
func enter(levels []nesting, t *token.Token) []nesting {
	last := len(levels) - 1
	if levels[last].column == 0 {
		if t.Type != token.SequenceEndType && t.Type != token.MappingEndType {
			levels[last].tokens++
			return levels
		}
		return levels[:last]
	}
	for last > 0 && levels[last].column > t.Position.Column {
		last--
	}
	levels = levels[:last+1]
	if levels[last].column != t.Position.Column {
		levels = append(levels, nesting{column: t.Position.Column})
		last++
	}
	levels[last].tokens++
	return levels
}

// take counts a key or a value with a text of length bytes. It returns false once
// the file has set too much.
func (f *file) take(node ast.Node, length int) bool {
	before := f.taken
	f.taken += perTaken + length
	if before <= mostTaken && f.taken > mostTaken {
		f.fault(node, "with this the file sets more than %s, with what its aliases stand for", formatSize(mostTaken))
	}
	return f.taken <= mostTaken
}

package config

import (
	"bytes"
	"fmt"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// What a file may have, far above what a configuration needs. The parser
// calls itself for each level and for each key after another, copies in
// the square of both, and a stack that overflows ends the process: so it is
// only given what it can do with. Aliases let a short file stand for a huge one.
const (
	mostBytes  = 1 << 20 // of the file
	mostNested = 64      // levels
	mostBeside = 4096    // tokens of one level: keys or items on lines of their own, or what is between two brackets
	mostTaken  = 8 << 20 // bytes of all keys and values, those behind an alias each time it is used
	mostTabs   = 1024    // of one line: at each the lexer looks through the rest of it
	mostFaults = 100     // that are reported
)

// perTaken is what a key or a value counts for beside the bytes of its text.
const perTaken = 32

// nesting is a level on which tokens stand.
type nesting struct {
	column int // zero: between brackets
	tokens int
}

// manyTabs gives the line on which there are too many; zero: none.
func manyTabs(text []byte) int {
	line := 0
	for each := range bytes.Lines(text) {
		line++
		for part := range bytes.SplitSeq(each, []byte{'\r'}) {
			if bytes.Count(part, []byte{'\t'}) > mostTabs {
				return line
			}
		}
	}
	return 0
}

// excess gives the first token that is one too many, and why.
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

// enter counts t on its level: between brackets that of the brackets, else
// that of its column, as what follows on a line is deeper than what begins it.
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

// take counts a key or a value with a text of length bytes. After the first that is
// too many it is false.
func (f *file) take(node ast.Node, length int) bool {
	before := f.taken
	f.taken += perTaken + length
	if before <= mostTaken && f.taken > mostTaken {
		f.fault(node, "with this the file sets more than %s, with what its aliases stand for", formatSize(mostTaken))
	}
	return f.taken <= mostTaken
}

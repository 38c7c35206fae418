package config

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// textOf returns the text of a scalar; false if node is not one, or is empty.
func textOf(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode, *ast.BoolNode:
		return node.GetToken().Value, true
	}
	return "", false
}

// positionOf returns where node begins.
func positionOf(node ast.Node) *token.Position {
	if m, ok := node.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return m.Values[0].Key.GetToken().Position // the mapping's own is the colon
	}
	return node.GetToken().Position
}

// kindOf says in words what node is.
func kindOf(node ast.Node) string {
	switch node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys"
	case *ast.SequenceNode:
		return "a list"
	case *ast.TagNode:
		return "a tag"
	case *ast.NullNode:
		return "nothing"
	case *ast.AliasNode:
		return "a name that stands for nothing"
	}
	return "a text"
}

func indexOf(keys []key, name string) int {
	for i, k := range keys {
		if k.name == name {
			return i
		}
	}
	return -1
}

// below returns the names of the keys that start with prefix, without it and up to
// the next dot, each once.
func below(keys []key, prefix string) (names []string) {
	for _, k := range keys {
		rest, ok := strings.CutPrefix(k.name, prefix)
		if !ok {
			continue
		}
		rest, _, _ = strings.Cut(rest, ".")
		if len(names) == 0 || names[len(names)-1] != rest {
			names = append(names, rest)
		}
	}
	return names
}

// visible returns text, quoted if it has characters that cannot be printed.
func visible(text string) string {
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return strconv.QuoteToASCII(text)
		}
	}
	return text
}

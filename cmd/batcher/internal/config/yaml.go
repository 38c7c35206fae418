package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// file reads a configuration file. It walks the parsed text itself, instead of
// decoding it, to find every fault at once and to remember where each key stands.
type file struct {
	name    string
	faults  Faults
	places  places
	names   names
	merging map[*ast.MappingNode]bool    // whose keys are being gathered
	merged  map[*ast.MappingNode][]entry // whose keys have been
	taken   int                          // of mostTaken
}

// places holds where each key was set, by its whole name, such as routes[0].name
// for one of the first route.
type places map[string]Fault

// wholeFile is the name of the file itself among places.
const wholeFile = ""

// entry is one key of a mapping.
type entry struct {
	key   string
	at    ast.Node // the key
	value ast.Node
}

// read sets in c what text, the content of the file, says.
func (f *file) read(text []byte, c *Config) {
	parsed := f.parse(text)
	if parsed == nil {
		return
	}
	first := true
	for _, doc := range parsed.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.DirectiveType {
			continue
		}
		if !first {
			f.fault(doc.Body, "a second document; there must be one")
			return
		}
		first = false
		f.names = namesIn(doc.Body)
		f.merging, f.merged = make(map[*ast.MappingNode]bool), make(map[*ast.MappingNode][]entry)
		f.level(doc.Body, "", "", c.keys(), map[string]func(ast.Node){"routes": func(n ast.Node) { f.routes(n, c) }})
	}
}

// parse parses text; it returns nil after a fault.
func (f *file) parse(text []byte) *ast.File {
	if len(text) > mostBytes {
		f.faults = append(f.faults, Fault{Source: f.name, Text: "is longer than " + formatSize(mostBytes)})
		return nil
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // with which some editors begin a file
	if line, why := badLine(text); line > 0 {
		f.faults = append(f.faults, Fault{f.name, line, 1, why})
		return nil
	}
	tokens := lexer.Tokenize(string(text))
	if at, why := excess(tokens); at != nil {
		f.faults = append(f.faults, Fault{f.name, at.Position.Line, at.Position.Column, why})
		return nil
	}
	if at := emptyDocument(tokens); at != nil {
		f.faults = append(f.faults, Fault{f.name, at.Position.Line, at.Position.Column, "a document before it is empty; there must be one"})
		return nil
	}
	parsed, err := parser.Parse(tokens, 0)
	var syntax yaml.Error
	if errors.As(err, &syntax) {
		at := syntax.GetToken().Position
		f.faults = append(f.faults, Fault{f.name, at.Line, at.Column, syntax.GetMessage()})
		return nil
	}
	if err != nil {
		f.faults = append(f.faults, Fault{Source: f.name, Text: err.Error()})
		return nil
	}
	return parsed
}

// emptyDocument returns the mark that ends an empty document, or nil: the parser
// would ignore all that follows.
func emptyDocument(tokens token.Tokens) *token.Token {
	begun := false
	for _, t := range tokens {
		mark := t.Type == token.DocumentHeaderType || t.Type == token.DocumentEndType
		switch {
		case t.Type == token.CommentType:
		case mark && begun:
			return t
		default:
			begun = t.Type == token.DocumentHeaderType
		}
	}
	return nil
}

// level sets the keys of one mapping. within is the prefix of their names, and path
// that of their places before within; lists has the keys that are not plain.
func (f *file) level(node ast.Node, path, within string, keys []key, lists map[string]func(ast.Node)) {
	for _, e := range f.entries(node, path+within) {
		name := within + e.key
		if !f.take(e.at, len(e.key)) {
			return
		}
		if i := indexOf(keys, name); i >= 0 && !strings.Contains(e.key, ".") {
			f.set(e.value, path+name, keys[i])
			continue
		}
		if list := lists[name]; list != nil {
			list(e.value)
			continue
		}
		if known := below(keys, name+"."); len(known) > 0 {
			f.level(e.value, path, name+".", keys, nil)
			continue
		}
		known := below(keys, within)
		for name := range lists {
			known = append(known, name)
		}
		f.fault(e.at, "no such key: %s; there are %s", visible(e.key), strings.Join(known, ", "))
	}
}

// routes reads the list of routes.
func (f *file) routes(node ast.Node, c *Config) {
	list, ok := f.resolve(node).(*ast.SequenceNode)
	if !ok {
		f.fault(node, "routes wants a list, not %s", kindOf(f.resolve(node)))
		return
	}
	for i, item := range list.Values {
		if !f.take(item, 0) {
			return
		}
		path := fmt.Sprintf("routes[%d]", i)
		f.place(path, item)
		r := defaultRoute()
		f.level(item, path+".", "", r.keys(), nil)
		c.Routes = append(c.Routes, r)
	}
}

// set sets one key.
func (f *file) set(node ast.Node, path string, k key) {
	f.place(path, node)
	node = f.resolve(node)
	if sequence, ok := node.(*ast.SequenceNode); ok {
		f.setList(sequence, k)
		return
	}
	said, ok := textOf(node)
	if !ok {
		f.fault(node, "%s wants a %s, not %s", k.name, k.value.Type(), kindOf(node))
		return
	}
	if !f.take(node, len(said)) {
		return
	}
	if err := k.value.Set(said); err != nil {
		f.fault(node, "%s: %v", k.name, err)
	}
}

func (f *file) setList(node *ast.SequenceNode, k key) {
	l, ok := k.value.(list)
	if !ok {
		f.fault(node, "%s wants a %s, not a list", k.name, k.value.Type())
		return
	}
	*l.at = nil
	for _, item := range node.Values {
		said, ok := textOf(f.resolve(item))
		if !ok {
			f.fault(item, "%s wants a list of texts, not %s in it", k.name, kindOf(f.resolve(item)))
			continue
		}
		if !f.take(item, len(said)) {
			return
		}
		*l.at = append(*l.at, said)
	}
}

func (f *file) place(path string, node ast.Node) {
	at := positionOf(node)
	f.places[path] = Fault{Source: f.name, Line: at.Line, Column: at.Column}
}

func (f *file) fault(node ast.Node, format string, args ...any) {
	if len(f.faults) == mostFaults {
		f.faults = append(f.faults, Fault{Source: f.name, Text: fmt.Sprintf("more than %d things are wrong; these are some of them", mostFaults)})
	}
	if len(f.faults) > mostFaults {
		return
	}
	at := positionOf(node)
	f.faults = append(f.faults, Fault{f.name, at.Line, at.Column, fmt.Sprintf(format, args...)})
}

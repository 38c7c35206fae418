package config

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// names holds what each alias of a document stands for.
type names struct {
	anchors map[string]ast.Node // those that have come so far
	aliases map[*ast.AliasNode]ast.Node
}

// namesIn resolves the aliases in the order of the text: an alias stands for the
// last anchor of its name before it, which may enclose it.
func namesIn(node ast.Node) names {
	n := names{make(map[string]ast.Node), make(map[*ast.AliasNode]ast.Node)}
	ast.Walk(n, node)
	return n
}

// Visit implements [ast.Visitor].
func (n names) Visit(node ast.Node) ast.Visitor {
	switch node := node.(type) {
	case *ast.AnchorNode:
		n.anchors[node.Name.GetToken().Value] = node.Value
	case *ast.AliasNode:
		// An anchor cannot name an alias, so no alias stands for itself.
		if of, ok := n.anchors[node.Value.GetToken().Value]; ok && of.Type() != ast.AliasType {
			n.aliases[node] = of
		}
	}
	return n
}

// resolve returns what an anchor names or an alias stands for.
func (f *file) resolve(node ast.Node) ast.Node {
	if alias, ok := node.(*ast.AliasNode); ok && f.names.aliases[alias] != nil {
		node = f.names.aliases[alias]
	}
	if anchor, ok := node.(*ast.AnchorNode); ok {
		return anchor.Value
	}
	return node
}

// entries returns the keys of a mapping. Those of mappings that it merges (<<) come
// after its own.
func (f *file) entries(node ast.Node, path string) []entry {
	what := strings.TrimSuffix(path, ".")
	if what == "" {
		what = "a configuration"
	}
	mapping, ok := f.resolve(node).(*ast.MappingNode)
	switch {
	case !ok:
		f.fault(node, "%s wants keys, not %s", what, kindOf(f.resolve(node)))
		return nil
	case f.merging[mapping]:
		f.fault(node, "%s merges itself", what)
		return nil
	}
	all, ok := f.merged[mapping]
	if !ok {
		f.merging[mapping] = true
		all = f.gather(mapping, path)
		delete(f.merging, mapping)
		f.merged[mapping] = all // a mapping that many merge is gathered once
	}
	return all
}

// gather returns the entries of a mapping that have not been gathered before.
func (f *file) gather(mapping *ast.MappingNode, path string) (all []entry) {
	var merged []ast.Node
	own := make(map[string]bool)
	for _, v := range mapping.Values {
		if v.Key.IsMergeKey() {
			merged = append(merged, f.sources(v.Value)...)
			continue
		}
		name, ok := textOf(v.Key)
		if !ok {
			f.fault(v.Key, "a key must be a plain text")
			continue
		}
		own[name] = true
		all = append(all, entry{name, v.Key, v.Value})
	}
	for _, other := range merged {
		for _, e := range f.entries(other, path) {
			if !f.take(other, 0) {
				return all
			}
			if !own[e.key] {
				own[e.key] = true
				all = append(all, e)
			}
		}
	}
	return all
}

// sources returns what << names: a mapping or a list of them.
func (f *file) sources(node ast.Node) []ast.Node {
	if list, ok := f.resolve(node).(*ast.SequenceNode); ok {
		return list.Values
	}
	return []ast.Node{node}
}

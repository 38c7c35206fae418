package config

import "github.com/gobatcher/batcher/gateway"

// protocol is one that a route can name.
type protocol struct {
	name string
	text string // for the reference
	make func(Route) (gateway.Protocol, error)
}

var protocols = []protocol{
	{"kserve-v1", "KServe V1 and TensorFlow Serving: POST …:predict with instances, answered with predictions.",
		func(Route) (gateway.Protocol, error) { return gateway.NewKServeV1(), nil }},
	{"json-array", "Any endpoint that takes an array somewhere in a JSON body and answers with one somewhere in another: see the keys items and results.",
		func(r Route) (gateway.Protocol, error) { return gateway.NewJSONArray(r.Items, r.Results) }},
}

// find gives the protocol that r names, or the names that there are.
func (r Route) find() (protocol, []string) {
	var names []string
	for _, p := range protocols {
		if p.name == r.Protocol {
			return p, nil
		}
		names = append(names, p.name)
	}
	return protocol{}, names
}

// defaultItems is the most items in a batch where none is set.
func (r Route) defaultItems() int {
	p, _ := r.find()
	if made, err := p.make(r); err == nil {
		if l, ok := made.(gateway.Limiter); ok {
			if items, _ := l.Limits(); items > 0 {
				return items
			}
		}
	}
	return 64
}

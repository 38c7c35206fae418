package serve

import (
	"context"
	"reflect"

	"github.com/gobatcher/batcher/cmd/batcher/internal/config"
)

// reload reads the configuration again and takes it over, or changes nothing if
// something is wrong with it. No request is refused or lost: the old handler
// answers those that it has accepted.
func (s *server) reload() {
	before := s.now.Load()
	c, err := s.opts.Load()
	var p *parts
	if err == nil {
		_ = s.watch(before.config, c) // use tells what is not watched
		p, err = s.build(c)
	}
	s.metrics.Reloaded(err)
	if err != nil {
		before.log.Error("the configuration is not taken over; the one before stays", "err", err.Error())
		return
	}
	s.use(p)
	if s.later != nil {
		s.later.Use(c)
	}
	if s.swap != nil {
		s.old.replace(s.swap, p.handler)
	}
	s.old.all.Go(func() {
		ctx, cancel := context.WithTimeoutCause(s.ending, before.config.Patience(), errGrace)
		defer cancel()
		if err := before.shutdown(ctx); err != nil {
			p.log.Warn("not all requests from before the reload were done in time", "err", err.Error())
		}
		s.old.finish(s.ending, before.handler)
	})
	p.log.Info("the configuration is taken over", "routes", len(c.Routes))
	for _, name := range s.fixed(c) {
		p.log.Warn("a change needs a restart", "key", name)
	}
}

// fixed names what has changed since the ports were opened and cannot change
// without a restart.
func (s *server) fixed(c *config.Config) (names []string) {
	for _, part := range []struct {
		name     string
		was, now any
	}{
		{"listen", s.first.Listen, c.Listen},
		{"admin.listen", s.first.Admin.Listen, c.Admin.Listen},
		{"limits", s.first.Limits, c.Limits},
		{"tracing", s.first.Tracing, c.Tracing},
		{"store", s.first.Store, c.Store},
		{"nats", s.first.NATS, c.NATS},
		{"work", s.first.Work, c.Work},
		{"queue", s.first.Queue, c.Queue},
		{"tls.cert", s.first.TLS.Cert == "", c.TLS.Cert == ""},
	} {
		if !reflect.DeepEqual(part.was, part.now) {
			names = append(names, part.name)
		}
	}
	return names
}

// use takes over p, except for its handler.
func (s *server) use(p *parts) {
	if p.tokens != nil { // else those before stay, for requests that have been found to need one
		s.tokens.Set(p.tokens)
	}
	if p.tls != nil {
		s.tls.Use(p.tls)
	}
	s.expect(p)
	s.now.Store(p)
	for _, what := range p.doubts {
		p.log.Warn("a certificate is not valid now", "err", what)
	}
	if err := s.watch(p.config); err != nil {
		p.log.Warn("not all files are watched", "err", err.Error())
	}
}

// expect has all that p will serve reported before the first request comes.
func (s *server) expect(p *parts) {
	if p.handler == nil {
		return
	}
	for name := range p.handler.Stats() {
		s.metrics.Expect(name, true)
	}
	s.metrics.Expect("", false) // what matches no route
	if p.queues != nil {
		s.metrics.Expect(config.Later, false)
	}
}

// watch watches all files that configurations are made of. Those of a new one are
// watched before they are read, to miss no change, and if one is wrong until it is
// put right.
func (s *server) watch(all ...*config.Config) error {
	var paths []string
	for _, c := range all {
		for _, path := range []string{s.opts.Path, c.Tokens, c.Token, c.TLS.Cert, c.TLS.Key, c.TLS.ClientCA, c.Outbound.CA, c.Outbound.Cert, c.Outbound.Key} {
			if path != "" {
				paths = append(paths, path)
			}
		}
	}
	return s.files.set(paths)
}

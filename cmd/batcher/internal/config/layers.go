package config

import (
	"github.com/gobatcher/batcher/cmd/batcher/internal/once"
	"github.com/spf13/pflag"
)

// Flags are those of a verb that takes a configuration.
type Flags struct {
	Path string // of the file; "" is none

	set    *pflag.FlagSet
	common *Config
	route  Route
	files  once.Files
}

// NewFlags adds --config, a flag for each key, and one for each key of a route,
// which sets that of the only route where there is no file.
func NewFlags(set *pflag.FlagSet) *Flags {
	f := &Flags{set: set, common: Default(), route: defaultRoute()}
	set.StringVar(&f.Path, "config", "", "file with the configuration, in YAML; see docs/gateway-reference.md")
	for _, k := range f.common.keys() {
		f.add(k, k.text)
	}
	for _, k := range f.route.keys() {
		if set.Lookup(k.flag()) == nil { // upstream is a key of both
			f.add(k, "Without --config: "+k.text)
		}
	}
	return f
}

func (f *Flags) add(k key, text string) {
	added := f.set.VarPF(k.value, k.flag(), "", text)
	if k.value.Type() == yesType {
		added.NoOptDefVal = "true"
	}
}

// Load reads the file, if there is one, the environment and the flags, each
// overriding what came before, and checks the whole. Its error is a [Faults], or
// that of reading the file.
func (f *Flags) Load(getenv func(string) (string, bool)) (*Config, error) {
	c := Default()
	from := &file{name: f.Path, places: c.at}
	if f.Path != "" {
		text, err := f.files.Read(f.Path, mostBytes+1)
		if err != nil {
			return nil, err
		}
		c.at[wholeFile] = Fault{Source: f.Path}
		from.read(text, c)
	}
	faults := append(from.faults, f.overlay(c, c.at, getenv)...)
	if len(faults) == 0 {
		c.fill()
		faults = c.check()
	}
	return c, faults.err()
}

// overlay sets what the environment and the flags set. An empty variable sets nothing: it
// may be one that was to be filled in, and must not take away the tokens of a file.
func (f *Flags) overlay(c *Config, at places, getenv func(string) (string, bool)) (faults Faults) {
	for _, k := range c.keys() {
		if said, ok := getenv(k.env()); ok && said != "" {
			at[k.name] = Fault{Source: "environment variable " + k.env()}
			if err := k.value.Set(said); err != nil {
				faults = append(faults, Fault{Source: at[k.name].Source, Text: err.Error()})
			}
		}
		f.over(k, k.name, at)
	}
	return append(faults, f.oneRoute(c, at)...)
}

// over sets k as the command line says, and reports whether that sets it.
func (f *Flags) over(k key, name string, at places) bool {
	given := f.set.Lookup(k.flag())
	if !given.Changed {
		return false
	}
	at[name] = Fault{Source: "--" + k.flag()}
	// The flag has taken this text before.
	if err := k.value.Set(given.Value.String()); err != nil {
		panic(err)
	}
	return true
}

// oneRoute makes the only route where there is no file.
func (f *Flags) oneRoute(c *Config, at places) (faults Faults) {
	r := defaultRoute()
	for _, k := range r.keys() {
		if k.name == "upstream" {
			continue
		}
		if f.over(k, "routes[0]."+k.name, at) && f.Path != "" {
			faults = append(faults, Fault{Source: "--" + k.flag(), Text: "is for one route without a file; with --config the routes are in the file"})
		}
	}
	if f.Path == "" {
		if c.Upstream == "" && !f.set.Changed("protocol") {
			return Faults{{Text: "no configuration: give --config FILE, or --protocol NAME with --upstream URL or --command PROGRAM"}}
		}
		c.Routes = append(c.Routes, r)
		at["routes[0]"] = Fault{Source: "without --config"}
	}
	return faults
}

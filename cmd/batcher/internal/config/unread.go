package config

import (
	"regexp"
	"slices"
	"strings"
)

// ofService matches the names of the variables that Kubernetes sets in every pod for
// each Service: BATCHER_PORT_80_TCP is for one called batcher.
var ofService = regexp.MustCompile(`_SERVICE_(HOST|PORT(_\w+)?)$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$`)

// Unread returns the names in environ, which is like that of [os.Environ], that begin
// like those of keys and belong to none: they are mistyped, or of a key of routes.
// They are no faults, since others may have set them for purposes of their own.
func Unread(environ []string) (names []string) {
	read := make(map[string]bool)
	for _, k := range Default().keys() {
		read[k.env()] = true
	}
	for _, each := range environ {
		name, _, _ := strings.Cut(each, "=")
		if strings.HasPrefix(name, EnvPrefix) && !read[name] && !ofService.MatchString(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

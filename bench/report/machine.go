package report

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/gobatcher/batcher/bench/stat"
	"github.com/gobatcher/batcher/bench/subject"
)

// machine says where the run took place.
func (s Set) machine() table {
	system := runtime.GOOS + "/" + runtime.GOARCH
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		system += ", kernel " + strings.TrimSpace(string(release))
	}
	where := table{left: 2, columns: []string{"", ""}, rows: [][]string{
		{"CPU", cpuModel()},
		{"cores", strconv.Itoa(runtime.NumCPU())},
		{"GOMAXPROCS", strconv.Itoa(runtime.GOMAXPROCS(0))},
		{"system", system},
		{"Go", runtime.Version()},
	}}
	if apart := s.distances(); len(apart) > 0 {
		where.rows = append(where.rows, []string{"a cache line to another core and back", fmt.Sprintf("%.0f ns before the run in the middle; %.0f to %.0f before half of them", stat.Percentile(apart, 50), stat.Percentile(apart, 25), stat.Percentile(apart, 75))})
	}
	return where
}

// distances are those between two cores before each run of a cell, sorted.
func (s Set) distances() (apart []float64) {
	for _, results := range s {
		for _, r := range results {
			if r.Distance > 0 {
				apart = append(apart, r.Distance)
			}
		}
	}
	slices.Sort(apart)
	return apart
}

// cpuModel is the processor's name, or its architecture if the system does not tell.
func cpuModel() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, model, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return runtime.GOARCH
}

// version is the version of a module that the running program was built with.
func version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dependency := range info.Deps {
		if dependency.Path != module {
			continue
		}
		if dependency.Version == "(devel)" {
			return "as checked out"
		}
		return dependency.Version
	}
	return "unknown"
}

// subjects says how each Subject is used and what it does not do.
func subjects() (use, lacks table) {
	use = table{left: 4, columns: []string{"subject", "module", "version", "how it is used"}}
	lacks = table{left: 5, columns: []string{"subject", "results", "errors", "a caller's context", "batches at once"}}
	for _, s := range subject.All() {
		module, release := "written here", ""
		if s.Module != "" {
			module, release = s.Module, version(s.Module)
		}
		use.rows = append(use.rows, []string{s.Name, module, release, s.Use})
		lacks.rows = append(lacks.rows, []string{s.Name, s.Results, s.Errors, s.Contexts, s.Handlers})
	}
	return use, lacks
}

package batcher_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestCoreImportsTheStandardLibraryAlone(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range source.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if host, _, _ := strings.Cut(path, "/"); strings.Contains(host, ".") {
				t.Errorf("%s imports %s", file, path)
			}
		}
	}
}

func TestModuleRequiresNothing(t *testing.T) {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Fields(string(text)), "module github.com/gobatcher/batcher go 1.25.0"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

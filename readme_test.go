package batcher_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gobatcher/batcher"
)

// proseFiles is what these tests keep honest.
var proseFiles = []string{
	"README.md", "CHANGELOG.md",
	"doc.go", "gateway/doc.go", "loader/doc.go", "middleware/doc.go", "natsbatch/doc.go", "otelbatch/doc.go",
	"docs/states.md", "docs/choosing-options.md", "docs/from-pybatcher.md", "docs/from-go-libraries.md", "docs/design.md",
	"docs/gateway.md", "docs/gateway-protocols.md", "docs/gateway-reference.md", "docs/natsbatch.md", "docs/natsbatch-wire.md",
}

var fencePattern = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")

// TestProseCodeIsRun: every piece of Go in the prose stands in an example, or
// is a program, which TestReadmeInstall runs.
func TestProseCodeIsRun(t *testing.T) {
	var examples strings.Builder
	for _, pattern := range []string{"example_*_test.go", "*/example*_test.go", "*/*/example*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			examples.WriteString(flatten(readText(t, file)))
		}
	}
	for _, file := range proseFiles {
		for _, code := range goCode(t, file) {
			if !strings.Contains(examples.String(), flatten(code)) && !strings.HasPrefix(code, "package main\n") {
				t.Errorf("%s: in no example:\n%s", file, code)
			}
		}
	}
}

// TestReadmeInstall does what README.md says under Install, one way and the
// other, and runs its program.
func TestReadmeInstall(t *testing.T) {
	readme := readText(t, "README.md")
	install := sectionOf(t, readme, "Install")
	program := sectionOf(t, readme, "A program")
	ways := blocksOf(install, "sh")
	if len(ways) != 2 {
		t.Fatalf("README.md gives %d ways to install, want 2", len(ways))
	}
	for _, way := range ways {
		folder := newModule(t, blocksOf(program, "go")[0])
		for command := range strings.Lines(way) {
			runIn(t, folder, command)
		}
		if got, want := runIn(t, folder, "go run ."), blocksOf(program, "text")[0]; got != want {
			t.Errorf("after\n%sthe program prints\n%swant\n%s", way, got, want)
		}
	}
}

// newModule makes a module of one program and gives its folder.
func newModule(t *testing.T, program string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "main.go"), []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	runIn(t, folder, "go mod init example.com/app")
	return folder
}

// runIn runs a command in folder and gives what it prints. It takes this
// repository for ../batcher. Nobody listens where it looks for modules, so
// that a command which would need the published module fails; with
// GOPROXY=off some that ask for one would not.
func runIn(t *testing.T, folder, command string) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(command)
	for i := range words {
		words[i] = strings.Replace(words[i], "../batcher", root, 1)
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GOPROXY=http://127.0.0.1:1", "GOFLAGS=", "GOWORK=")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, stderr.String())
	}
	return string(out)
}

func TestReadmeListsAllOptions(t *testing.T) {
	table := sectionOf(t, readText(t, "README.md"), "Options")
	for _, field := range reflect.VisibleFields(reflect.TypeFor[batcher.Options]()) {
		if !strings.Contains(table, "\n| `"+field.Name+"` |") {
			t.Errorf("no row for %s", field.Name)
		}
	}
}

// TestReadmeNamesFaultTests: where the README says that a promise is tested,
// there is such a test.
func TestReadmeNamesFaultTests(t *testing.T) {
	names := regexp.MustCompile("`(Test\\w+)(…?)`").FindAllStringSubmatch(sectionOf(t, readText(t, "README.md"), "Across machines"), -1)
	if len(names) < 8 {
		t.Fatalf("%d tests are named", len(names))
	}
	files, err := filepath.Glob("natsbatch/e2e/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, file := range files {
		tests.WriteString(readText(t, file))
	}
	for _, name := range names {
		end := "("
		if name[2] != "" {
			end = ""
		}
		if !strings.Contains(tests.String(), "func "+name[1]+end) {
			t.Errorf("no %s in natsbatch/e2e", name[0])
		}
	}
}

// TestProseMapsEveryFile: the file map has each package, and where it names
// files of a package it names them all.
func TestProseMapsEveryFile(t *testing.T) {
	mapped := fileMap(t)
	for _, file := range sourceFiles(t) {
		folder := filepath.Dir(file)
		siblings, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		byName := slices.ContainsFunc(siblings, func(file string) bool { return mapped[file] })
		if !mapped[file] && (byName || !mapped[folder]) {
			t.Errorf("%s is not in the file map", file)
		}
	}
}

var (
	rowPattern  = regexp.MustCompile(`(?m)^\| (.+?) \| (.+) \|$`)
	namePattern = regexp.MustCompile("`([a-z0-9_./*]+)`")
)

// fileMap returns the files and folders that the file map in docs/design.md
// names, all of which must be there. A row has the files of the core, or a
// folder and what is in it or in its internal/.
func fileMap(t *testing.T) map[string]bool {
	t.Helper()
	mapped, folder := make(map[string]bool), ""
	enter := func(patterns ...string) {
		there := false
		for _, pattern := range patterns {
			paths, err := filepath.Glob(pattern)
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range paths {
				there, mapped[filepath.Clean(path)] = true, true
			}
		}
		if !there {
			t.Errorf("there is no %s", patterns[0])
		}
	}
	for _, row := range rowPattern.FindAllStringSubmatch(sectionOf(t, readText(t, "docs/design.md"), "File map"), -1) {
		if !strings.HasPrefix(row[1], "…") { // else it goes on with the folder
			for _, name := range namePattern.FindAllStringSubmatch(row[1], -1) {
				enter(name[1])
				if strings.HasSuffix(name[1], "/") {
					folder = name[1]
				}
			}
		}
		if folder == "" {
			continue
		}
		for _, name := range namePattern.FindAllStringSubmatch(row[2], -1) {
			enter(folder+name[1], folder+name[1]+".go", folder+"internal/"+name[1])
		}
	}
	return mapped
}

// sourceFiles returns the files of all packages but tests and doc.go.
func sourceFiles(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && filepath.Base(path) != "doc.go" {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	return files
}

var linkPattern = regexp.MustCompile(`\]\(([^):#]*)(#[^)]*)?\)`)

func TestProseLinksLeadSomewhere(t *testing.T) {
	for _, file := range proseFiles {
		if filepath.Ext(file) != ".md" {
			continue // there a type argument and a parameter look like a link
		}
		for _, match := range linkPattern.FindAllStringSubmatch(readText(t, file), -1) {
			target := file
			if match[1] != "" {
				target = filepath.Join(filepath.Dir(file), match[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %v", file, err)
			} else if anchor := match[2]; anchor != "" && !hasAnchor(readText(t, target), anchor) {
				t.Errorf("%s: no heading for %s in %s", file, anchor, target)
			}
		}
	}
}

// hasAnchor reports whether a heading of text has the anchor, made the way
// GitHub makes it.
func hasAnchor(text, anchor string) bool {
	for line := range strings.Lines(text) {
		heading := strings.TrimLeft(line, "#")
		name := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(heading)), " ", "-")
		if heading != line && "#"+name == anchor {
			return true
		}
	}
	return false
}

// goCode returns the pieces of Go in a Markdown file or in a doc comment, where
// what assigns nothing is a table.
func goCode(t *testing.T, file string) (pieces []string) {
	text := readText(t, file)
	if filepath.Ext(file) == ".md" {
		return blocksOf(text, "go")
	}
	var piece strings.Builder
	for line := range strings.Lines(text) {
		if code, ok := strings.CutPrefix(line, "//\t"); ok {
			piece.WriteString(code)
		} else if line != "//\n" && piece.Len() > 0 {
			if strings.Contains(piece.String(), "= ") {
				pieces = append(pieces, piece.String())
			}
			piece.Reset()
		}
	}
	return pieces
}

// blocksOf returns the fenced blocks of text in a language.
func blocksOf(text, language string) (found []string) {
	for _, match := range fencePattern.FindAllStringSubmatch(text, -1) {
		if match[1] == language {
			found = append(found, match[2])
		}
	}
	return found
}

// sectionOf returns what stands under a second-level heading.
func sectionOf(t *testing.T, text, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("no section %q", heading)
	}
	body, _, _ := strings.Cut(rest, "\n## ")
	return body
}

// flatten takes away indentation and empty lines.
func flatten(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// table is a heading, column names and rows, for a terminal or for Markdown. The first left columns hold words, the others numbers.
type table struct {
	title   string
	left    int
	columns []string
	rows    [][]string
}

// text writes the table for a terminal.
func (t table) text(w io.Writer) error {
	widths := make([]int, len(t.columns))
	lines := append([][]string{t.columns}, t.rows...)
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	fmt.Fprintln(&b, t.title)
	for _, line := range lines {
		for i, cell := range line {
			width := widths[i]
			if i < t.left {
				width = -width
			}
			fmt.Fprintf(&b, "  %*s", width, cell)
		}
		fmt.Fprintln(&b)
	}
	_, err := fmt.Fprintln(w, b.String())
	return err
}

// markdown writes the table without its title.
func (t table) markdown(b *strings.Builder) {
	line := func(cells []string) { fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | ")) }
	line(t.columns)
	rule := make([]string, len(t.columns))
	for i := range rule {
		rule[i] = "---:"
		if i < t.left {
			rule[i] = ":---"
		}
	}
	line(rule)
	for _, row := range t.rows {
		line(row)
	}
	fmt.Fprintln(b)
}

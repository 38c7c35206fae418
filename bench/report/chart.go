package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/gobatcher/batcher/bench/subject"
	"github.com/gobatcher/batcher/bench/workload"
)

// chart is a figure over the sizes of a workload, one line for each subject.
type chart struct {
	file     string // without theme and extension
	title    string
	x        string
	workload workload.Name
	of       figure
	without  []string // subjects that would only repeat a line
}

var charts = []chart{
	{
		file: "do", title: "Time per request, by number of callers", x: "callers, each in a loop of blocking calls",
		workload: workload.Do, of: ns, without: []string{subject.BatcherIdleCancel, subject.KeyedOneKey},
	},
	{
		file: "open-p50", title: "Latency that half of the requests stay below, by load", x: "requests a second",
		workload: workload.Open, of: p50,
	},
	{
		file: "open-p99", title: "Latency that 99 % of the requests stay below, by load", x: "requests a second",
		workload: workload.Open, of: p99,
	},
}

const (
	chartWidth  = 760
	chartHeight = 430
	legendWidth = 150
	labelHeight = 20
	margin      = 14
)

// draw writes every chart that has something to show into folder, once for each theme, and returns those.
func (s Set) draw(folder string) ([]chart, error) {
	var drawn []chart
	for _, c := range charts {
		lines := s.lines(c)
		if len(lines) == 0 {
			continue
		}
		drawn = append(drawn, c)
		for _, t := range themes {
			svg, err := c.svg(lines, t)
			if err != nil {
				return nil, fmt.Errorf("draw %s: %w", c.file, err)
			}
			if err := os.WriteFile(filepath.Join(folder, c.name(t)), svg, 0o644); err != nil {
				return nil, fmt.Errorf("draw %s: %w", c.file, err)
			}
		}
	}
	return drawn, nil
}

func (c chart) name(t theme) string { return c.file + "-" + t.name + ".svg" }

// embed writes the chart into a page that may be light or dark.
func (c chart) embed(b *strings.Builder) {
	light, dark := c.name(themes[0]), c.name(themes[1])
	fmt.Fprintf(b, "<picture>\n  <source media=\"(prefers-color-scheme: dark)\" srcset=\"performance/%s\">\n"+
		"  <img alt=\"%s\" src=\"performance/%s\">\n</picture>\n\n", dark, c.title, light)
}

// line is one subject's points.
type line struct {
	subject string
	points  plotter.XYs
}

// lines returns the lines of c, those that end highest first, which is the order of the legend.
func (s Set) lines(c chart) []line {
	var lines []line
	for _, size := range s.sizes(c.workload) {
		for _, cell := range s.members(group{c.workload, size}) {
			if slices.Contains(c.without, cell.Subject) {
				continue
			}
			at := slices.IndexFunc(lines, func(l line) bool { return l.subject == cell.Subject })
			if at < 0 {
				at = len(lines)
				lines = append(lines, line{subject: cell.Subject})
			}
			lines[at].points = append(lines[at].points, plotter.XY{X: float64(size), Y: s.median(cell, c.of)})
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int {
		if a.last() > b.last() {
			return -1
		}
		return 1
	})
	return lines
}

func (l line) last() float64 { return l.points[len(l.points)-1].Y }

func (c chart) svg(lines []line, t theme) ([]byte, error) {
	p, legend := c.frame(lines, t), t.legend()
	looks := t.looks()
	for _, l := range slices.Backward(lines) {
		curve, marks, err := plotter.NewLinePoints(l.points)
		if err != nil {
			return nil, err
		}
		curve.LineStyle, marks.GlyphStyle = looks[l.subject].line, looks[l.subject].mark
		p.Add(curve, marks)
	}
	for _, l := range lines {
		sample := looks[l.subject]
		legend.Add(l.subject, &plotter.Line{LineStyle: sample.line}, &plotter.Scatter{GlyphStyle: sample.mark})
	}
	return c.render(p, legend, t)
}

// render draws the plot, what its x axis counts below it and the legend beside it.
func (c chart) render(p *plot.Plot, legend plot.Legend, t theme) ([]byte, error) {
	image := vgsvg.New(chartWidth, chartHeight)
	canvas := draw.New(image)
	canvas.SetColor(t.background)
	canvas.Fill(canvas.Path())
	inner := draw.Crop(canvas, margin, -margin, margin, -margin)
	plotted := draw.Crop(inner, 0, -legendWidth, 0, 0)
	p.Draw(draw.Crop(plotted, 0, 0, labelHeight, 0))
	// The plot would put its own label in the wrong place: it centres the label of a logarithmic axis as if the axis were linear.
	below := text.Style{Font: sans(12), Color: t.text, XAlign: text.XCenter, Handler: plot.DefaultTextHandler}
	plotted.FillText(below, vg.Point{X: plotted.Center().X, Y: plotted.Min.Y}, c.x+" (both scales are logarithmic)")
	legend.Draw(draw.Crop(inner, inner.Size().X-legendWidth+margin, 0, 0, -vg.Points(30)))
	var svg bytes.Buffer
	if _, err := image.WriteTo(&svg); err != nil {
		return nil, err
	}
	// Viewers without the font that the text was measured with have another of the same widths.
	return bytes.ReplaceAll(svg.Bytes(), []byte("font-family:Liberation Sans;"), []byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif;")), nil
}

func sans(size float64) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(size)}
}

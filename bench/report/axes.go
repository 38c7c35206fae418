package report

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// frame is the empty plot: title, axes and grid.
func (c chart) frame(lines []line, t theme) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = t.background
	p.Title.Text = c.title
	p.Title.TextStyle.Font, p.Title.TextStyle.Color = sans(15), t.text
	p.Title.Padding = vg.Points(10)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = bounds(lines)
	p.X.Tick.Marker, p.Y.Tick.Marker = sizeTicks(lines), timeTicks(p.Y.Min, p.Y.Max)
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Scale = plot.LogScale{}
		axis.Color, axis.Tick.Color = t.grid, t.grid
		axis.Tick.Label.Font, axis.Tick.Label.Color = sans(11), t.text
		axis.Padding = vg.Points(6)
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = t.grid, t.grid
	p.Add(grid)
	return p
}

func (t theme) legend() plot.Legend {
	legend := plot.NewLegend()
	legend.Top, legend.Left = true, true
	legend.TextStyle = text.Style{Font: sans(12), Color: t.text, Handler: plot.DefaultTextHandler}
	legend.ThumbnailWidth = vg.Points(28)
	legend.Padding = vg.Points(6)
	return legend
}

// bounds are the axes' ends: the sizes themselves, and for times the next round step outwards.
func bounds(lines []line) (left, right, low, high float64) {
	left, low = math.Inf(1), math.Inf(1)
	for _, l := range lines {
		for _, point := range l.points {
			left, right = min(left, point.X), max(right, point.X)
			low, high = min(low, point.Y), max(high, point.Y)
		}
	}
	if left == right {
		// A single size still needs an axis of some width.
		left, right = left/2, right*2
	}
	return left, right, stepBelow(low), stepAbove(high)
}

// steps are the round numbers of a decade.
var steps = []float64{1, 2, 5}

func decade(v float64) float64 { return math.Pow(10, math.Floor(math.Log10(v))) }

func stepBelow(v float64) float64 {
	below := decade(v)
	for _, step := range steps {
		if step*decade(v) <= v {
			below = step * decade(v)
		}
	}
	return below
}

func stepAbove(v float64) float64 {
	for _, step := range steps {
		if step*decade(v) >= v {
			return step * decade(v)
		}
	}
	return 10 * decade(v)
}

// sizeTicks marks the sizes that were measured.
func sizeTicks(lines []line) plot.ConstantTicks {
	var ticks plot.ConstantTicks
	seen := make(map[float64]bool)
	for _, l := range lines {
		for _, point := range l.points {
			if !seen[point.X] {
				seen[point.X] = true
				ticks = append(ticks, plot.Tick{Value: point.X, Label: grouped(int(point.X))})
			}
		}
	}
	return ticks
}

// timeTicks marks round times between low and high, only the roundest where there are many.
func timeTicks(low, high float64) plot.ConstantTicks {
	shown := steps
	switch {
	case high/low > 1000:
		shown = []float64{1}
	case high/low < 5:
		shown = []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}
	}
	var ticks plot.ConstantTicks
	for power := decade(low); power <= high; power *= 10 {
		for _, step := range shown {
			if v := step * power; v >= low && v <= high {
				ticks = append(ticks, plot.Tick{Value: v, Label: roundTime(v)})
			}
		}
	}
	return ticks
}

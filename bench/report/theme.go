package report

import (
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/gobatcher/batcher/bench/subject"
)

// theme is the colours of a chart for a light or a dark page.
type theme struct {
	name       string
	background color.Color
	text       color.Color
	grid       color.Color
	floor      color.Color
	ours       []color.Color
	peers      []color.Color
}

var themes = []theme{
	{
		name: "light", background: rgb(0xffffff), text: rgb(0x24292f), grid: rgb(0xd8dee4), floor: rgb(0x6e7781),
		ours:  []color.Color{rgb(0xcf222e), rgb(0xa40e26), rgb(0xe16f24), rgb(0x953800)},
		peers: []color.Color{rgb(0x0969da), rgb(0x1a7f37), rgb(0x8250df), rgb(0x0f8a9d), rgb(0x9a6700), rgb(0xbf3989), rgb(0x57606a)},
	},
	{
		name: "dark", background: rgb(0x0d1117), text: rgb(0xe6edf3), grid: rgb(0x30363d), floor: rgb(0x8b949e),
		ours:  []color.Color{rgb(0xff7b72), rgb(0xffa198), rgb(0xffa657), rgb(0xffc680)},
		peers: []color.Color{rgb(0x58a6ff), rgb(0x3fb950), rgb(0xbc8cff), rgb(0x39c5cf), rgb(0xd29922), rgb(0xf778ba), rgb(0xafb8c1)},
	},
}

func rgb(hex uint32) color.Color {
	return color.RGBA{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: 0xff}
}

// look is how a subject's line is drawn, the same in every chart: ours are thick, floors dashed, and each has a mark of its own.
type look struct {
	line draw.LineStyle
	mark draw.GlyphStyle
}

var (
	ownMarks = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.CrossGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}}
	marks    = []draw.GlyphDrawer{
		draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.RingGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.CrossGlyph{},
	}
)

func (t theme) looks() map[string]look {
	looks := make(map[string]look)
	next := make(map[subject.Kind]int)
	for _, s := range subject.All() {
		nth := next[s.Kind]
		next[s.Kind]++
		switch s.Kind {
		case subject.Floor:
			looks[s.Name] = drawn(t.floor, 1.5, marks[nth%len(marks)], []vg.Length{vg.Points(5), vg.Points(3)})
		case subject.Ours:
			looks[s.Name] = drawn(t.ours[nth%len(t.ours)], 3, ownMarks[nth%len(ownMarks)], nil)
		case subject.Peer:
			looks[s.Name] = drawn(t.peers[nth%len(t.peers)], 1.5, marks[nth%len(marks)], nil)
		}
	}
	return looks
}

func drawn(c color.Color, width float64, mark draw.GlyphDrawer, dashes []vg.Length) look {
	return look{
		line: draw.LineStyle{Color: c, Width: vg.Points(width), Dashes: dashes},
		mark: draw.GlyphStyle{Color: c, Radius: vg.Points(3 + width/4), Shape: mark},
	}
}

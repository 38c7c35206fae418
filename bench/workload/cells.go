package workload

import "github.com/gobatcher/batcher/bench/subject"

// The sizes that Do, Open, Backlog and Load are measured at.
var (
	Callers = []int{1, 64, 1024, 10_000} // of Do
	Rates   = []int{200, 5_000, 50_000}  // of Open, a second
	Pending = []int{10_000, 1_000_000}   // of Backlog
	Loads   = []int{1_000, 100_000}      // of Load
)

// ManyKeys is the size of Keys.
const ManyKeys = 100_000

// Subjects of a single workload.
const (
	BatcherKeyed  = "batcher-keyed"  // of Keys
	BatcherManual = "batcher-manual" // of Backlog
	BatcherLoader = "batcher-loader" // of Load
)

// The peers that Load compares the Loader with.
const (
	DataloaderLoad  = "dataloader"
	DataloadgenLoad = "dataloadgen"
)

// keyedCallers is the size of Do at which one key is compared with a Batcher.
const keyedCallers = 64

// Cells returns every cell in the order of a round: cells that are compared stand together, so that they run at about the same time.
func Cells(b Budget) []Cell {
	var cells []Cell
	for _, callers := range Callers {
		cells = append(cells, cellsOf(Do, callers)...)
	}
	cells = append(cells, cellsOf(Burst, b.Burst)...)
	for _, rate := range Rates {
		cells = append(cells, cellsOf(Open, rate)...)
	}
	cells = append(cells, Cell{Keys, ManyKeys, BatcherKeyed})
	for _, pending := range Pending {
		cells = append(cells, Cell{Backlog, pending, BatcherManual})
	}
	for _, keys := range Loads {
		cells = append(cells, Cell{Load, keys, BatcherLoader}, Cell{Load, keys, DataloaderLoad}, Cell{Load, keys, DataloadgenLoad})
	}
	return cells
}

func cellsOf(w Name, size int) []Cell {
	var cells []Cell
	for _, s := range subject.All() {
		if takesPart(w, size, s.Name) {
			cells = append(cells, Cell{w, size, s.Name})
		}
	}
	return cells
}

// takesPart leaves out cells that would tell nothing: a floor that does not batch, with a Func that sleeps or in a burst that nobody waits for in
// between, and variants that only one workload asks for.
func takesPart(w Name, size int, name string) bool {
	switch name {
	case subject.FloorDirect:
		return w == Open
	case subject.FloorChan, subject.BatcherIdleCancel:
		return w == Do
	case subject.KeyedOneKey:
		return w == Do && size == keyedCallers
	}
	return true
}

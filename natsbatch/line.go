package natsbatch

// line is one of the lines in which requests wait: one for each priority, and
// one for those that may have killed a worker. Each has a subject and a
// consumer.
type line uint8

const (
	// lineAgain holds requests whose worker did not settle them. A worker takes
	// one message from it, settles it, and takes the next, so that only what
	// has begun to run comes under suspicion when it dies again.
	lineAgain line = priorities

	lines = lineAgain + 1 // how many there are
)

// order lists the lines, the most urgent first.
var order = [lines]line{lineAgain, line(PriorityHigh), line(PriorityNormal), line(PriorityLow)}

// String returns the line's name, as in subjects.
func (l line) String() string {
	if l == lineAgain {
		return "again"
	}
	return Priority(l).String()
}

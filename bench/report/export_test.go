package report

var (
	Digits    = digits
	Duration  = duration
	Grouped   = grouped
	RoundTime = roundTime
	StepBelow = stepBelow
	StepAbove = stepAbove
)

// TimeTicks returns the labels between low and high.
func TimeTicks(low, high float64) []string {
	var labels []string
	for _, tick := range timeTicks(low, high) {
		labels = append(labels, tick.Label)
	}
	return labels
}

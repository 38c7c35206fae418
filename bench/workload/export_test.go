package workload

// What the tests hand subjects of their own.
var (
	RunDo    = runDo
	RunBurst = runBurst
	RunOpen  = runOpen
	Arrivals = arrivals
)

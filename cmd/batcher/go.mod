module github.com/gobatcher/batcher/cmd/batcher

go 1.25.0

require (
	github.com/creack/pty v1.1.24
	github.com/gobatcher/batcher v0.1.0
	github.com/spf13/cobra v1.10.2
	golang.org/x/term v0.45.0
)

require (
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/spf13/pflag v1.0.9 // indirect
	golang.org/x/sys v0.47.0 // indirect
)

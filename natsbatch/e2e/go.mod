module github.com/gobatcher/batcher/natsbatch/e2e

go 1.25.0

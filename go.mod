module github.com/gobatcher/batcher

go 1.25.0

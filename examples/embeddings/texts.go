package main

import (
	"fmt"
	"slices"
)

// texts are what is embedded: a hundred, and an empty one among them.
var texts = func() (texts []text) {
	for _, who := range []string{"Ann", "Bob", "Eve", "Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Niklaus"} {
		for _, what := range []string{"reads", "writes", "sings", "runs", "cooks", "sleeps", "waits", "laughs", "draws", "thinks"} {
			texts = append(texts, text(fmt.Sprint(who, " ", what, ".")))
		}
	}
	return slices.Insert(texts, 42, "")
}()

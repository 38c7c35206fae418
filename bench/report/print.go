package report

import "io"

// Print writes the tables for a terminal, the goals last.
func Print(w io.Writer, s Set) error {
	for _, t := range s.tables() {
		if err := t.text(w); err != nil {
			return err
		}
	}
	return PrintGoals(w, s.Goals())
}

// PrintGoals writes goals for a terminal, and nothing if there are none.
func PrintGoals(w io.Writer, goals []Goal) error {
	if len(goals) == 0 {
		return nil
	}
	return goalTable(goals).text(w)
}

package main

// table numbers the different texts of a trace, so that a row needs to hold only an index.
type table struct {
	texts []string
	at    map[string]int
}

func (t *table) index(text string) int {
	if at, known := t.at[text]; known {
		return at
	}
	if t.at == nil {
		t.at = map[string]int{}
	}
	t.at[text] = len(t.texts)
	t.texts = append(t.texts, text)
	return t.at[text]
}

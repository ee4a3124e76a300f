package anon

// buildHierarchies makes the hierarchy of every column that declares one, and
// reports those that are damaged, get finer or lose a value.
func (p *Policy) buildHierarchies(probs *problems) {}

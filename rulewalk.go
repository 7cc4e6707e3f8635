package linewatch

// Walk calls visit for every condition of r, those that others hold and those
// of overrides included, with its path as in the messages of Validate, such as
// groups[1].cases[0].all[2]. A condition comes before those that it holds.
func (r *Rule) Walk(visit func(path string, group *Group, c *Condition)) {
	walkGroups("groups", r.Groups, visit)
	for i := range r.Overrides {
		walkGroups(at("overrides", i)+".groups", r.Overrides[i].Groups, visit)
	}
}

func walkGroups(path string, groups []Group, visit func(path string, group *Group, c *Condition)) {
	for i := range groups {
		g := &groups[i]
		for j := range g.Cases {
			g.Cases[j].When.walk(at(at(path, i)+".cases", j), func(path string, c *Condition) { visit(path, g, c) })
		}
	}
}

func (c *Condition) walk(path string, visit func(path string, c *Condition)) {
	visit(path, c)
	path += "." + c.Op.String()
	if c.Op == Not && len(c.Of) == 1 {
		c.Of[0].walk(path, visit)
		return
	}
	if c.Op == AtLeastN {
		path += ".of"
	}
	for i := range c.Of {
		c.Of[i].walk(at(path, i), visit)
	}
}

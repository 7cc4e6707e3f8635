package rules

// Cause is an engine's handle of why a sample is not Ok, such as "connection
// lost", in the words of the edge. Zero: it is Ok, or nobody said.
type Cause int32

// causes keeps what the handles stand for. Each handle is of one sample and
// ends with it, so that no more is kept than there are samples which are not
// Ok, however many different words a sender makes up.
type causes struct {
	texts []string // of handle i+1
	free  []Cause
}

// Cause makes a handle for the sample that Point is given it with.
func (e *Engine) Cause(text string) Cause { return e.causes.keep(text) }

func (c *causes) keep(text string) Cause {
	if text == "" {
		return 0
	}
	if n := len(c.free); n > 0 {
		id := c.free[n-1]
		c.free = c.free[:n-1]
		c.texts[id-1] = text
		return id
	}
	c.texts = append(c.texts, text)
	return Cause(len(c.texts))
}

func (c *causes) drop(id Cause) {
	if id != 0 {
		c.texts[id-1] = ""
		c.free = append(c.free, id)
	}
}

func (c *causes) text(id Cause) string {
	if id == 0 {
		return ""
	}
	return c.texts[id-1]
}

// setLast makes a sample the newest one of its series.
func (e *Engine) setLast(sr *series, s *Sample, because Cause) {
	sr.last = *s
	if sr.cause != because {
		e.causes.drop(sr.cause)
		sr.cause = because
	}
}

// poor says what is wrong with the newest sample of a series, which is not Ok:
// its quality and, where that is known, the cause.
func (e *Engine) poor(sr *series) string {
	text := "quality " + sr.last.Quality.String()
	if cause := e.causes.text(sr.cause); cause != "" {
		text += ", " + cause
	}
	return text
}

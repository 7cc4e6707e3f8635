package spool

// The mark is a file outside the spool's directory, of the format of the
// state, that notes how far the state had come at the last start, at each new
// segment, and at the last orderly stop. A state that is behind it is not the
// newest one: the directory was put back from a backup, and its next numbers
// were given out before. A directory without a state, where there is a mark,
// is a spool that is gone; the mark then bounds what went with it.

// noteMark writes the mark. That it cannot be written is no reason to stop:
// it only guards against what happens to the directory as a whole.
func (s *Spool) noteMark() {
	if s.noted == nil {
		return
	}
	s.noted.serial = s.state.serial - 1 // save counts on
	if err := s.noted.save(s.current(), true); err != nil {
		s.options.Logger.Error("the mark of the spool could not be written", "error", err)
	}
}

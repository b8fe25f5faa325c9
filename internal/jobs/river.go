package jobs

func newRiver(q *Queue) engine { return newLite(q) }

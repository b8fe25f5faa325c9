package cldr

// Reload reads a table anew, as the first For does.
func Reload(tag string) { load(tag) }

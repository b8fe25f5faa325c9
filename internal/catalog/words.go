package catalog

// Words are the words of a text as search compares them: folded, without accents and case; of writing without spaces,
// pairs of signs.
func Words(text string) (all []string) {
	splitWords(text, func(w string) { all = append(all, w) })
	return all
}

// Stem reduces a folded word of a language to what its forms share.
func Stem(lang, word string) string { return stemmer(lang)(word) }

// Misspelt counts the slips between a folded word and a known one, and reports whether they are few enough for one to
// stand for the other.
func Misspelt(word, known string) (slips int, ok bool) {
	a, b := []rune(word), []rune(known)
	most := near(len(a))
	n := distance(a, b, most)
	return n, n <= most
}

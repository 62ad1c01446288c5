package remote

import "strings"

// Quote makes one word of POSIX sh out of s, whatever bytes it has besides
// NUL, which no argument of a Unix program can hold and which panics here:
// the language refuses it long before.
//
// The result is for /bin/sh only. Login shells never see it (see Exec),
// because fish and tcsh read single quotes differently.
func Quote(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		panic("internal error: NUL in a shell word")
	}
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// plain are the characters that mean themselves anywhere in a word of sh.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+.,/:@%"

// Join quotes argv for sh.
func Join(argv []string) string {
	words := make([]string, len(argv))
	for i, a := range argv {
		words[i] = Quote(a)
	}
	return strings.Join(words, " ")
}

// QuotePath quotes a path so that no program takes it for an option.
func QuotePath(p string) string {
	if strings.HasPrefix(p, "-") {
		p = "./" + p
	}
	return Quote(p)
}

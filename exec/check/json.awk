# Prints "=TEXT" for the value at the path P of the JSON document, or what
# stands there instead: "an object", "an array", "none", "bad"; and a dot. It reads what
# jsonAt reads: the whole document must be right, and of equal keys the last
# one counts.
function blanks() { while (index(" \t\r\n", c) && c != "") next_char() }
function next_char() { at++; c = substr(s, at, 1) }
function fail() { if (!bad) bad = 1; at = length(s) + 1; c = "" }
# text reads a string; its value is decoded only where somebody wants it.
function text(    from, raw, plain) {
  if (c != "\"") { fail(); return "" }
  next_char(); from = at; plain = 1
  while (c != "\"") {
    if (c == "" || c < " ") { fail(); return "" }
    if (c == "\\") {
      plain = 0; next_char()
      if (c == "u") {
        if (substr(s, at + 1, 4) !~ /^[0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f]$/) { fail(); return "" }
        at += 4
      } else if (c == "" || !index("\"\\/bfnrt", c)) { fail(); return "" }
    }
    next_char()
  }
  raw = substr(s, from, at - from)
  next_char()
  return plain ? raw : decoded(raw)
}
function decoded(raw,    out, i, k, u, low) {
  out = ""
  while ((i = index(raw, "\\")) > 0) {
    out = out substr(raw, 1, i - 1)
    k = substr(raw, i + 1, 1)
    raw = substr(raw, i + 2)
    if (k == "u") {
      u = hex(substr(raw, 1, 4)); raw = substr(raw, 5)
      if (u >= 55296 && u < 56320 && raw ~ /^\\u[dD][c-fC-F]/) {
        low = hex(substr(raw, 3, 4)); raw = substr(raw, 7)
        u = 65536 + (u - 55296) * 1024 + (low - 56320)
      } else if (u >= 55296 && u < 57344) u = 65533
      out = out utf8(u)
    } else if (k == "n") out = out "\n"
    else if (k == "t") out = out "\t"
    else if (k == "r") out = out "\r"
    else if (k == "b") out = out "\b"
    else if (k == "f") out = out "\f"
    else out = out k
  }
  return out raw
}
function hex(h,    i, n) {
  n = 0
  for (i = 1; i <= 4; i++) n = n * 16 + index("0123456789abcdef", tolower(substr(h, i, 1))) - 1
  return n
}
function utf8(u) {
  if (u == 0 || u == 29 || u == 30) return "\001" # as little wanted as these, and no separator
  if (u < 128) return sprintf("%c", u)
  if (u < 2048) return sprintf("%c%c", 192 + int(u / 64), 128 + u % 64)
  if (u < 65536) return sprintf("%c%c%c", 224 + int(u / 4096), 128 + int(u / 64) % 64, 128 + u % 64)
  return sprintf("%c%c%c%c", 240 + int(u / 262144), 128 + int(u / 4096) % 64, 128 + int(u / 64) % 64, 128 + u % 64)
}
function value(place, depth,    n, key, word, v) {
  blanks()
  # Of equal keys the last one counts, with all below it.
  if (substr(wanted, 1, length(place)) == place && index("\035\036", substr(wanted, length(place) + 1, 1))) found = "none"
  if (depth > 100) { fail(); return }
  if (c == "{") {
    if (place == wanted) found = "an object"
    next_char(); blanks()
    if (c == "}") { next_char(); return }
    while (!bad) {
      blanks(); key = text(); blanks()
      if (c != ":") { fail(); return }
      next_char()
      value(place "\036" key, depth + 1)
      blanks()
      if (c == "}") { next_char(); return }
      if (c != ",") { fail(); return }
      next_char()
    }
    return
  }
  if (c == "[") {
    if (place == wanted) found = "an array"
    next_char(); blanks()
    if (c == "]") { next_char(); return }
    for (n = 0; !bad; n++) {
      value(place "\035" n, depth + 1)
      blanks()
      if (c == "]") { next_char(); return }
      if (c != ",") { fail(); return }
      next_char()
    }
    return
  }
  if (c == "\"") { v = text(); if (place == wanted) found = "=" v; return }
  word = ""
  while (c != "" && index("+-.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", c)) { word = word c; next_char() }
  if (word !~ /^(true|false|null|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?)$/) { fail(); return }
  if (place == wanted) found = "=" word
}
{ s = s $0 "\n" }
END {
  wanted = ENVIRON["P"]; found = "none"; bad = 0; at = 0
  next_char(); value("", 0); blanks()
  if (c != "") bad = 1
  printf "%s.", bad ? "bad" : found # the dot keeps newlines before it from the shell
}

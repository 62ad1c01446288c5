hosts "web" {
  names = expand("web[01-03].example.org")
}

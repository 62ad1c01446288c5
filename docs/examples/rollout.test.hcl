scenario "the batches of a good release" {
  release = "v1.1.0"
  fleet   = { "*" = "v1.0.0" }

  expect {
    outcome  = "done"
    most_out = 2
    batches = [
      ["web01.example.org", "web07.example.org"],
      ["web02.example.org"],
      ["web08.example.org", "web03.example.org", "web09.example.org"],
      ["web04.example.org", "web10.example.org", "web05.example.org", "web11.example.org", "web06.example.org", "web12.example.org"],
    ]
  }
}

scenario "a canary that fails in its soak goes back, and the others go on" {
  release = "v1.1.0"
  fleet   = { "*" = "v1.0.0" }

  fault "check.http.front" {
    hosts  = "web01.example.org"
    passes = 20
    times  = 1
  }

  expect {
    outcome = "mixed"
    release = { "web01.example.org" = "v1.0.0", "web[02-12].example.org" = "v1.1.0" }
  }
}

scenario "both canaries are more than is forgiven" {
  release = "v1.1.0"
  fleet   = { "*" = "v1.0.0" }

  fault "check.http.front" {
    hosts  = ["web01.example.org", "web07.example.org"]
    passes = 20
    times  = 1
  }

  expect {
    outcome = "rolled back"
    touched = ["web01.example.org", "web07.example.org"]
    reason  = "2 hosts are unhealthy and max_unhealthy is 1"
  }
}

scenario "a restart that fails is not forgiven, and all goes back" {
  release = "v1.1.0"
  fleet   = { "*" = "v1.0.0" }
  fail    = { restart = ["web02.example.org"] }

  expect {
    outcome = "rolled back"
    release = { "*" = "v1.0.0" }
  }
}

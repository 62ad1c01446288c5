# The hosts of hello.hcl. `shipit lab up` writes one with real ports and keys.

hosts "lab" {
  names = expand("lab[1-4]")

  ssh {
    user        = "deploy"
    known_hosts = "known_hosts"
    identity    = "ssh/id_ed25519"
  }

  host "lab1" {
    address = "127.0.0.1"
    port    = 2201
    labels  = { http = "8201", canary = "yes" }
  }

  host "lab2" {
    address = "127.0.0.1"
    port    = 2202
    labels  = { http = "8202" }
  }

  host "lab3" {
    address = "127.0.0.1"
    port    = 2203
    labels  = { http = "8203" }
  }

  host "lab4" {
    address = "127.0.0.1"
    port    = 2204
    labels  = { http = "8204" }
  }
}

locals {
  seeds = { codfw = "10.192.16.152" }
}

hosts "web" {
  names  = expand("web[01-20].example.org")
  labels = { dc = "eqiad" }
}

service "hello" {
  hosts = hosts.web

  release {
    repo   = "https://git.example.org/hello"
    scheme = "v{semver}"
  }

  transport "push" {
    path = "/srv/hello"
  }

  file "/etc/hello" {
    content = "naïve: ${local.seeds[host.labels.dc]}"
    mode    = "0640"
  }

  restart "none" {}
}

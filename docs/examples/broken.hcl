hosts "web" {
  names  = expand("web[01-20].example.org")
  labels = { dc = "eqiad" }
}
locals {
  seeds = { codfw = "10.192.16.152" }
}
service "hello" {
  hosts = hosts.web
  owners: ["hello@example.org"]
  release {
    repo   = "https://git.example.org/hello"
    scheme = "v{semver}"
  }
  transport "pusch" {
    path = "/srv/hello"
  }
  restart "none" {}
  file "/etc/hello" {
    content = local.seeds[host.labels.dc]
  }
}

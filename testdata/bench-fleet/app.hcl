hosts "bench" {
  names = [@HOSTS@]

  ssh {
    user        = "deploy"
    known_hosts = "known_hosts"
  }
}

service "app" {
  hosts = hosts.bench

  release {
    repo   = "@REPO@"
    scheme = "release/{date}/{n}"
  }

  transport "push" {
    path = "/srv/app"
  }

  @BATCHES@

  @RESTART@

  check "http" "version" {
    url      = "http://127.0.0.1:8080/_info"
    contains = "\"version\":\"${release.tag}\""
    within   = "20s"
    every    = "50ms"
  }
}

File.read(ENV["BENCH_HOSTS"]).split.each { |h| server h, user: "deploy", roles: %w[app] }

module example.com/semver

go 1.24

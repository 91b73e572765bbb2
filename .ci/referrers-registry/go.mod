module tidegate.invalid/referrers-registry

go 1.21

require github.com/olareg/olareg v0.1.2

"""How both sides reach the outside and check what comes from there: brokers, registries, Sigstore."""

"""What both sides use to reach the outside and to check what came from there: brokers, registries, Sigstore."""

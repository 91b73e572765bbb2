"""The publisher's ports on the real thing: broker, registry, Sigstore, clock."""

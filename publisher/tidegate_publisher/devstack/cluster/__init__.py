"""Three nats-servers that are one broker, on loopback, for development: the demo of a rollout and benches."""

"""What happens while somebody looks: server-sent events."""

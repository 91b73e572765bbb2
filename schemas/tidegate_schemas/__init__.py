"""The contract between publisher, host and operator: messages, topics, error codes. No I/O lives here."""

__version__ = "0.1.0"

"""Image engines: how a verified digest becomes the running system."""

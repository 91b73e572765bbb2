"""The bootc engine: image-mode hosts, driven by digest through `bootc` itself."""

"""The HTTP API, `/api/v1`: one module for each kind of thing that can be asked for."""

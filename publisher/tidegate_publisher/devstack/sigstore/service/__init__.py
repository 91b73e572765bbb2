"""The local Sigstore over HTTP: Fulcio, Rekor v1 and v2, time-stamps and OIDC behind one loopback port.

Each module answers for one service, as functions from a request and a moment to a response; only `server`
knows sockets, and only it reads a clock.
"""

"""Images from where they lie: an OCI distribution client and OCI image layouts behind one port.

`reference` and `descriptor` are pure; `source` is the port; `client` (a registry) and `layout` (a folder,
or a tar of one) stand behind it; `opening.open_source` chooses;
`download.fetch_blob` brings one blob onto the disk; `attachments` and `simple_signing` find what was
attached to an image.
"""

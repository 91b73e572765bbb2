"""Images from where they lie: an OCI distribution client and OCI image layouts behind one port.

`reference` and `descriptor` are pure; `source` is the port; `client` (a registry), `layout` (a folder) and
`archive` (a tar of one) stand behind it; `opening.open_source` chooses;
`download.fetch_blob` brings one blob onto the disk.
"""

"""Images as data: what the engines share that lay an OCI image out themselves.

- `pull`: what is to be fetched: manifest, configuration, layers; and fetching it
- `compression`, `ahead`, `tarstream`, `tarheader`: a layer as a stream of entries, in bounded memory
- `entry`, `paths`, `record`: one file of a layer, its name made safe, all of a layer written down
- `tree`: pure; the entries of all layers merged (whiteouts, replacement, hard links)
- `limits`, `meter`, `space`, `durable`: what an image may cost, how far staging is, room and power on disk
"""

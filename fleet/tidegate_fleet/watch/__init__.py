"""The live view of one channel: a model without I/O, and two ways to show it.

`listening` hears the broker on a thread of its own and leaves what it read in the `inbox`. `model` takes it
in and paints a `picture`; `lines` tells the picture in lines, `screen` fills a terminal with it. Nothing in
here signs: who holds or resumes a release is handed in (`ports.Steering`).
"""

"""`tidegate dev demo`: the whole chain on one machine, with the programs that a user would run.

`samples` and `image` make what is released, `places` and `configuration` say where things lie and what the
programs are told, `programs`, `processes` and `world` run them, `attacker` plays the other side. `watcher`
hears what the broker passes on; `checklist` decides by that alone whether the demo succeeded. `story` is the
order of events, `board` what is known of it at a moment, `screen` and `summary` show it.
"""

"""`tidegate dev rollout`: a release to thousands of simulated hosts, stopped in time, fixed and finished.

`scenario` decides the sizes and who will fail, `papers` writes what a person would write. `world` runs the
programs: a cluster of three brokers, the fleet, the collector, the release job. `sight` is what is seen from
outside at a moment, and `checklist` decides by that alone whether the demo succeeded. `story` is the order of
events, `board` what is known, `screen` and `summary` show it. The demo of one host is in `devstack/demo`.
"""

"""The report on a release: one HTML file that needs nothing else, out of the collected history.

    gathering  History -> Figures      one pass over the passages (tally, timeline, spread)
    overview   History -> Overview     the last releases beside each other
    page       Figures -> HTML         a template, and plots drawn by matplotlib (plots/)
    markdown   Figures -> a summary    for a release page or a job's own page
    document   Figures -> JSON         with every host's way, streamed

`figures`, `spread`, `claims`, `tally`, `timeline`, `selection` and `gathering` are PURE: what they know comes
in by the History port, and the moment by argument. Text from hosts is made harmless where it comes in
(`disclosure`), so that no output has to think of it again; each still escapes for its own format.
"""

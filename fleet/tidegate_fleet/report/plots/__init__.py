"""Plots as SVG that stands in a page: drawn by matplotlib, coloured by the page's own style sheet.

matplotlib is loaded when the first plot is drawn, and none of its global state is used or left changed.
"""

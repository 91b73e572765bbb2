"""The documents that the API answers with, version 1: fields may be added, none changes its meaning."""

"""Enrolment: configuration as people already keep it becomes this host's, checked as a whole beforehand.

files, folders, documents --source--> entries --plan--> files --rehearsal--> in force? --installing--> folder
"""

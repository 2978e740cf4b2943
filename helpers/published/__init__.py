"""Reproductions of published studies; each changes only with what it reproduces.

============  ==================================================================
module        what it holds
============  ==================================================================
`evaluation`  1200 problems of suspend and resume, and the schedules stored there
============  ==================================================================
"""

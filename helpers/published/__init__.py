"""Reproductions of published studies; each changes only with what it reproduces.

============  ==================================================================
module        what it holds
============  ==================================================================
`charge`      how suspended jobs were charged, and where a policy wished to run
`evaluation`  1200 problems of suspend and resume, and the schedules stored there
`stopping`    recordings of a training job that is stopped and resumed
============  ==================================================================
"""

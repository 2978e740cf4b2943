"""Reproductions of published studies; each changes only with what it reproduces.

============  ==================================================================
module        what it holds
============  ==================================================================
`analysis`    those problems in any week, analysed as published and in pairs
`charge`      how suspended jobs were charged, and where a policy wished to run
`evaluation`  1200 problems of suspend and resume, and the schedules stored there
`project`     a project's jobs of office hours, and when results are needed
`stopping`    recordings of a training job that is stopped and resumed
============  ==================================================================
"""

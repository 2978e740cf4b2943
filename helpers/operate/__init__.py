"""The real thing: from an estimate to a job that runs in its clean hours.

===========  ==================================================================================
module       what it holds
===========  ==================================================================================
`rules`      what a centre allows: partitions, qualities of service, accounts, prices
`plans`      a plan: runs, pauses, last moment, grams
`whatif`     one job in every configuration a centre allows, and the frontier
`settings`   one work in many settings and start hours, and the frontier
`queue`      what waits and runs now, and when a request would start in it
`revisions`  plans made anew: a run was missed, a forecast has changed
`migration`  a job that waits, moved to the partition in which it starts earlier
`grid`       which carbon intensity is known for a zone and a window, and which was used
`backend`    eight verbs that any scheduler must have
`slurm`      them by Slurm's own commands, in a user's rights
`local`      them on one machine, without root and without a scheduler
`psij`       them by PSI/J, on one machine and on batch schedulers
`tapis`      them by the HTTP service Tapis; never tried against a tenant
`sites`      which of them a command speaks to, by name and by a file
`operator`   for those who run a cluster: walls, begin times, suspended jobs
`store`      one folder a job: plan, script, events, journal, receipt
`estimates`  how fast a job is, by what it said so far, and by when it must go on
`agent`      senses, decides (a pure function), acts; may die at any moment
`link`       what an agent hears from others and tells them: hints, never orders
`job`        what a job says and asks while it runs (shell: ``job.sh``)
`receipts`   planned against real
`cli`        the command ``clean-hours``
===========  ==================================================================================

**Design.** A plan is data with an id. Carrying it out needs no rights but its user's: the job is
handed over with a begin time, never held, and the key of its plan stands in its comment. An agent
may start it early, pause it after a checkpoint (`requeue` and a new begin time) and resume it; all
that it knows is rebuilt from the scheduler, the job's events and its own journal, so that it may be
killed at any moment. If it stays dead, every job runs by itself in time.

A decision (`agent.decide`) is a pure function of what is seen. What touches a scheduler is behind
`backend.Backend`; a new one is one file and passes the same tests.

Names are imported by module. This one imports nothing, so that a job's own
``from helpers.operate import job`` needs the standard library alone.
"""

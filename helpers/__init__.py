"""When should a batch job run, pause and resume? The package behind the book.

Data flows one way; each room knows only the rooms above it.

=====================  ==========================================================
room                   what it holds
=====================  ==========================================================
`helpers.timeline`     instants, durations, and functions of time that change in
                       steps, integrated exactly
`helpers.files`        read a file whole, compressed or not; write it whole or not
                       at all
`helpers.schema`       files that people write, read into declared classes; messages
                       name file, line and path
`helpers.extras`       libraries that only some features need
`helpers.stats`        comparisons of two samples: tests, intervals, corrections
`helpers.jobs`         job logs: one jobs table, readers and writers, description,
                       generation, privacy
`helpers.carbon`       carbon intensity over time, forecasts, their readers, accounting
`helpers.power`        recording and reading power, runs with events, energy
`helpers.phases`       jobs made of phases: model, fit, change points, validation
`helpers.work`         what is asked: one workload (from a log, from YAML, generated),
                       nodes and clusters
`helpers.predict`      what can be known of a job before it runs: features, estimators,
                       calibration, the judge of leaks
`helpers.schedule`     one job, or endless machines: when to start, pause and resume,
                       exact schedules, the known policies, their judge and their price
`helpers.decide`       many jobs, finite machines: what a decision sees and may do, and
                       the policies; no engine
`helpers.cluster`      what happens: the engine, its outcome, metrics, account
`helpers.bound`        what is possible: certified bounds, repaired plans
`helpers.regions`      where: work placed over sites, exact or with a certified gap
`helpers.published`    reproductions of published studies
`helpers.operate`      the real thing: plans, a real Slurm in a user's own rights, the
                       agent, receipts, and the command ``clean-hours``
`helpers.sweep`        many runs, local or on a cluster, resumable
`helpers.datasets`     embedded and downloadable data by name (the only room that
                       knows where files lie)
`helpers.panel`        policies on the same jobs, weeks and grids, compared in pairs
`helpers.study`        work x machines x policies x grids x weeks, in one window: a panel
`helpers.learn`        what can be learned: environment, rules, policies trained or tuned
`helpers.figures`      one style for every figure, one meaning a colour
`helpers.charts`       charts described once: drawn in print, and on a page for the
                       grid that its reader chooses
`helpers.publish`      the numbers a chapter claims, by name
=====================  ==========================================================

Units are in the names: ``power_w``, ``energy_j``, ``duration_s``,
``intensity_g_per_kwh``, ``emissions_g``. Import the room you need::

    from helpers import datasets

    intensity = datasets.carbon_intensity("DE", 2020)
"""

__version__ = "0.3.0"

"""The campaign: power of a training job that runs whole, or is stopped and resumed.

`campaign` runs the experiments and records them, `job` is what is measured, `text` what it
trains on, `torch_engine` and `numpy_engine` train, `datasheet` describes the result.
README.md beside this says how to run it.
"""

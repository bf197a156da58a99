"""The rooms of the nightly job: one sub-package a stage, each entered through its `task.py`."""

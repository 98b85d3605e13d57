"""The retraining wizard: from a scientist's own barriers to a model in the app, in seven pages.

It collects options and shows what the core says; reading, splitting, training and judging are done there
(`migbar.datasets`, `migbar.training.own`). The training is a run (`migbar.runs`): it goes on when the wizard or the
window is closed, and `RetrainingWizard` with the run's folder takes it up where it is.
"""

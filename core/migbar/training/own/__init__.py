"""Models from a scientist's own barriers: options, recipes, the run, and the judgement."""

"""`mixent-sweep`: searches the options of a recipe with `mixent train` processes as trials, on validation alone; Optuna on one
machine, Ray Tune on many. docs/SWEEPS.md tells how it is used."""

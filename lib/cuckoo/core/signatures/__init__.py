"""The signature stage: selects, dispatches, times and explains; `stage.run_signatures` is the way in."""

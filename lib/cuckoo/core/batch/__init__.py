"""Many analyses: leases, records of how each ended, journals, workers, batch runs and watching."""

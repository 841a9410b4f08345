"""The machine: discovers modules, orders them, runs each in isolation and records what happened."""

"""What the command line shows: builds text and tables, prints nothing."""

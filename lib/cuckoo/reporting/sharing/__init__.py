"""What an analysis found, made fit to be handed to other platforms: gathered once, checked once, bounded."""

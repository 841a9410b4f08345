"""What services on the internet know about files and URLs. Look-ups only: nothing is ever sent but a hash or a URL."""

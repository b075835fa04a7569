"""What the gateway costs: processor time, delay, load, Stop."""

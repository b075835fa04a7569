"""What Jupyter ChatIDE adds to the start of a Jupyter server."""

"""What the clients outside the browser share, the terminal's and the notebook's.

Both read a chat's log: put its events in reading order, and show them.
"""

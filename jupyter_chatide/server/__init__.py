"""HTTP and WebSocket: authorise, decode, call, answer. Every rule of its own lives elsewhere."""

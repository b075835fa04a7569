"""The gateway for other programs, in OpenAI's format, with tokens of its own."""

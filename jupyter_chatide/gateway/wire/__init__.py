"""How providers are spoken to over plain HTTP: OpenAI's format and Ollama's."""

"""The providers that litellm speaks to, through worker processes of their own."""

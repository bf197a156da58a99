"""LLM: requests to an OpenAI-compatible endpoint, within its limits, each answer kept and paid for once."""

"""One multimodal LLM as the only encoder: prompts, loading, shared image work, explanations."""

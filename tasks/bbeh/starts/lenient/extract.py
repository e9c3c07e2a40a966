def extract_answer(prompt_template: str, question: str, response: str) -> str:
    """Find the answer in the model's response."""
    lines = [line for line in response.splitlines() if line.strip()]
    if "Answer:" in response:
        return response.rpartition("Answer:")[2].strip()
    return lines[-1].strip() if lines else ""

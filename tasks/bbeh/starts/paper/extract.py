def extract_answer(prompt_template: str, question: str, response: str) -> str:
    """Find the answer in the model's response."""
    return response.split("Answer:")[1].strip()

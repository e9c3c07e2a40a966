"""From a model's reply to an edit: parse, apply, diff."""

"""genopt: watch and steer iterative generative optimization in the terminal."""

__version__ = "0.1.0"

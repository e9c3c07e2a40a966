"""The symbols of this terminal, chosen once."""

from genopt_tui.ui.formatters import choose_symbols

SYMBOLS = choose_symbols()

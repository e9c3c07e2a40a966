"""The symbols that this terminal can show, chosen once."""

from genopt_tui.ui.formatters import choose_symbols

SYMBOLS = choose_symbols()

"""Who may call whom, decided from plain values: lists of numbers, their filter modes, kinds of numbers, runs of similar ones."""

"""Which licence a distribution is under: fields, classifiers and texts, and no doubt settled by a guess."""

"""Standard series, their folds and their batches."""

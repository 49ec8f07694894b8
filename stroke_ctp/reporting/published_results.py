"""The article's own values in its Tables 1 and 2: mean and standard deviation of the ROC-AUC."""

VALIDATION_FOLDS = (0.75, 0.11)
TEST_FOLDS = {"full": (0.72, 0.10), "global": (0.63, 0.14), "local": (0.65, 0.13)}
"""By model."""
EXTERNAL_COHORT = (0.61, None)

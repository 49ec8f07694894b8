"""The page of one patient, in parts."""

"""A digital CT perfusion patient whose perfusion is known."""

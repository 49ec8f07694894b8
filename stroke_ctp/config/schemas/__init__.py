"""One settings class per command; `TrainSettings` is in `stroke_ctp.model.settings`, because runs record it."""

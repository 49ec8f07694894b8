"""One settings class per command; that of `train` is `stroke_ctp.model.settings.TrainSettings`, because runs record it."""

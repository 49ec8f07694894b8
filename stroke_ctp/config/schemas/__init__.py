"""One settings class per command; `train` uses `model.settings.TrainSettings`, which runs record."""

"""The models, their training, the pretrained backbone and the feature cache."""

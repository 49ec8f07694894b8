"""The network, its pretrained backbone and the bank of the backbone's features."""

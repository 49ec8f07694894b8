"""The network, its pretrained trunk and the bank of the trunk's features."""

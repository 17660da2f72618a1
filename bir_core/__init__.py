"""BIR: find the training samples that misled an image classifier, and repair the classifier."""

__version__ = "0.1.0"

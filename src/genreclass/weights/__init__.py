"""Pretrained weights: found, downloaded, verified, and read without running code from them."""

from genreclass.weights._download import download_weights
from genreclass.weights._published import OPENJMLA, PublishedWeights, converted_path
from genreclass.weights._read_weights import read_weights

__all__ = ["OPENJMLA", "PublishedWeights", "converted_path", "download_weights", "read_weights"]

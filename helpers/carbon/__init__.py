"""Carbon intensity: the signal, and readers for where it comes from."""

from helpers.carbon.signal import Forecasts, Intensity, same_kind

__all__ = ["Forecasts", "Intensity", "same_kind"]

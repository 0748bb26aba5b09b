"""scikit-learn's own checks, on every estimator."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from genreclass import MelCNNClassifier, MelSpectrogram

_MEL = MelSpectrogram(duration=0.1, n_mels=8)
_ESTIMATORS = [_MEL, MelCNNClassifier(channels=(4,), mel=_MEL, max_epochs=2)]


@parametrize_with_checks(_ESTIMATORS)
def test_scikit_learn_check(estimator, check):
    check(estimator)


# A tag can silence checks without a word, so their number is asserted.
@pytest.mark.parametrize(("estimator", "at_least"), [(_ESTIMATORS[0], 44), (_ESTIMATORS[1], 60)])
def test_no_check_is_silently_left_out(estimator, at_least):
    checks = list(estimator_checks_generator(estimator, mark="skip"))
    assert len(checks) >= at_least

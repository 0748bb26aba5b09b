"""scikit-learn's own checks, on every estimator."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from genreclass import CorrelationFilter, HandcraftedFeatures, MelCNNClassifier, MelSpectrogram
from genreclass.models import BoostedTreesClassifier

_MEL = MelSpectrogram(duration=0.1, n_mels=8)
_ESTIMATORS = [
    _MEL,
    MelCNNClassifier(channels=(4,), mel=_MEL, max_epochs=2),
    HandcraftedFeatures(families=["mfcc", "zcr"]),
    CorrelationFilter(),
    BoostedTreesClassifier(n_estimators=10, n_jobs=1),
]


def _expected_failures(estimator):
    if isinstance(estimator, BoostedTreesClassifier):
        return {
            "check_sample_weight_equivalence_on_dense_data": (
                "asks for seven digits, and XGBoost sums in single precision; see "
                "test_a_weight_of_two_is_a_row_twice"
            )
        }
    return {}


@parametrize_with_checks(_ESTIMATORS, expected_failed_checks=_expected_failures)
def test_scikit_learn_check(estimator, check):
    check(estimator)


# A tag can silence checks without a word, so their number is asserted.
@pytest.mark.parametrize(
    ("estimator", "at_least"), list(zip(_ESTIMATORS, (44, 60, 44, 46, 61), strict=True))
)
def test_no_check_is_silently_left_out(estimator, at_least):
    checks = list(estimator_checks_generator(estimator, mark="skip"))
    assert len(checks) >= at_least

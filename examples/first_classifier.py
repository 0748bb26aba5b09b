"""
A first classifier
==================

A network learns synthetic genres, and is asked about clips it has not heard. Tracks are kept
together: no track is both learned and asked about.
"""

# %%
# Clips in memory: each has samples and a rate, a genre, and the track it is of.

from sklearn.model_selection import StratifiedGroupKFold

from genreclass import MelCNNClassifier, MelSpectrogram
from genreclass.datasets import make_clips

clips = make_clips(n_clips=64, n_genres=4, random_state=0)
folds = StratifiedGroupKFold(4, shuffle=True, random_state=0)
learned, asked = next(folds.split(clips.data, clips.target, clips.groups))

# %%
# The network takes the clips as they are.

clf = MelCNNClassifier(
    channels=(16, 32), mel=MelSpectrogram(duration=2.0), crop_s=1.5, max_epochs=20, random_state=0
)
clf.fit([clips.data[i] for i in learned], clips.target[learned])
unheard = [clips.data[i] for i in asked]
print("accuracy", clf.score(unheard, clips.target[asked]))

# %%
# Probabilities, in the order of ``clf.classes_``, and what was logged while it learned.

print(clf.classes_, clf.predict_proba(unheard[:1]).round(2))
print(clf.history_[-1])

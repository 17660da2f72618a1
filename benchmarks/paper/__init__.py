"""The paper's tables beside ours: ``python -m benchmarks.paper --table N``.

A *setting* is a data set, a network, a corruption and a seed; its run lies in a folder of runs. A *cell* is one figure
or a few of one setting, such as "the accuracy after Newton removal of the true set". Every finished cell is kept in
``results/cells``, so a table goes on where it stopped, on another machine too.

Nothing is chosen by looking at the test images.
"""

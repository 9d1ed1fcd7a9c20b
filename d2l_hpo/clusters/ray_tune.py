"""Objectives on Ray Tune."""

import math
import tempfile
from collections.abc import Callable
from pathlib import Path

from d2l_hpo.tools.arguments import check_int
from d2l_hpo.tools.installation import needs
from d2l_hpo.tuning.outcomes import accepted_keywords, read_result


def ray_trainable(objective: Callable, max_epochs: int) -> Callable:
    """Return an objective as Ray Tune runs it: a report and a checkpoint after each epoch.

    A `seed` in the configuration is the training's seed. A trial whose error is not finite fails.

    Arguments:

    - `objective`: as `HPOTuner` takes it, with the arguments `max_epochs`, `checkpoint` and
      `seed`; TypeError for what cannot be called. It goes on from its checkpoint.
    - `max_epochs`: epochs of a trial that nothing stops, at least 1, else ValueError.

    The function that is returned takes a configuration, as Ray Tune hands it over. It reports
    `error`, `epoch` and the objective's further numbers. For example::

        from ray import tune
        with local_ray(n_workers=2) as folder:
            trainable = ray_trainable(hpo_objective_lenet, max_epochs=9)
            space = {"learning_rate": tune.loguniform(1e-3, 1), "batch_size": 64}
            tuner = tune.Tuner(trainable, param_space=space,
                               tune_config=tune.TuneConfig(num_samples=4),
                               run_config=tune.RunConfig(storage_path=str(folder)))
            print(tuner.fit().get_best_result("error", "min").config)
    """
    check_int("max_epochs", max_epochs)
    if not callable(objective):
        raise TypeError(f"objective is {objective!r}, expected a function of a configuration")
    def train(config):
        with needs("ray", "ray_trainable"):
            from ray import tune
        start, done, config = tune.get_checkpoint(), 0, {**config}
        seed = config.pop("seed", 0)
        with tempfile.TemporaryDirectory() as folder:
            if start is not None:
                done = start.get_metadata()["epoch"]
                start.to_directory(folder)
            for epoch in range(done + 1, max_epochs + 1):
                error, info = read_result(objective(config, **accepted_keywords(objective, {
                    "max_epochs": epoch, "checkpoint": Path(folder) / "trial.pt", "seed": seed})))
                if not math.isfinite(error):
                    raise ValueError(f"the error after epoch {epoch} is {error}")
                saved = tune.Checkpoint.from_directory(folder)
                saved.set_metadata({"epoch": epoch})
                tune.report({**info, "epoch": epoch, "error": error}, checkpoint=saved)
    return train

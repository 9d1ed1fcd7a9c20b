"""Configuration spaces of the recorded tasks, apart from the training, which imports torch.

Ranges are wide on purpose, so that some configurations diverge and some are slow.
"""
from scipy import stats

from d2l_hpo.spaces.space import categorical, lograndint

SPACES = {
    "lenet": {
        "learning_rate": stats.loguniform(1e-3, 1),
        "batch_size": lograndint(16, 256),
        "momentum": stats.uniform(0, 0.99),
        "weight_decay": stats.loguniform(1e-6, 1e-1),
        "width": stats.randint(1, 3),
        "activation": categorical(["relu", "tanh", "sigmoid"]),
    },
    "mlp": {
        "learning_rate": stats.loguniform(1e-3, 3),
        "batch_size": lograndint(16, 256),
        "units_1": lograndint(8, 256),
        "units_2": lograndint(8, 256),
        "dropout_1": stats.uniform(0, 0.9),
        "dropout_2": stats.uniform(0, 0.9),
    },
    "digits": {
        "learning_rate": stats.loguniform(1e-3, 30),
        "batch_size": lograndint(8, 256),
        "momentum": stats.uniform(0, 0.99),
        "weight_decay": stats.loguniform(1e-6, 1e-1),
        "units": lograndint(4, 128),
    },
}
